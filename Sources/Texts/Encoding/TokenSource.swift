package import Datasets

/// The items that token states are made for, in the data set's order.
package protocol TextItems {
  /// The number of items V.
  var count: Int { get }
  /// The outside id of an item.
  func id(_ item: Int) -> String
  /// The text of an item as a data set stores it (``ItemText``); empty when it has none.
  func text(_ item: Int) -> String
  /// Bytes of an item's text.
  func textSize(_ item: Int) -> Int
  /// The items that an outside id names: mostly one or none.
  func items(named id: String) -> [Int]
}

extension TextItems {
  /// Counted in the text.
  package func textSize(_ item: Int) -> Int { text(item).utf8.count }
}

/// Where token states come from, item by item of a data set.
package protocol TokenSource {
  /// The width dt of a state.
  var dimension: Int { get }
  /// What the data set's record names as the encoder.
  var name: String { get }
  /// The file that the states come from, for messages; nil when they are made here.
  var file: String? { get }
  /// What sort of states these are, where that must be known later; nil for states of tokens.
  var kind: EncodingRecord.Kind? { get }
  /// The number of tokens of an item, at most the limit asked for.
  func tokenCount(_ item: Int) -> Int
  /// About how much work an item's states are, beside the others': by this items are cut into shares, a rank each.
  func weight(_ item: Int) -> Int
  /// Appends an item's states, `tokenCount(item) * dimension` numbers.
  func appendStates(_ item: Int, to states: inout [Float])
  /// Takes what was read of a file out of this process's memory; it is read from the file again when needed.
  func forget()
}

extension TokenSource {
  /// Made here.
  package var file: String? { nil }

  /// States of tokens.
  package var kind: EncodingRecord.Kind? { nil }

  /// The number of tokens.
  package func weight(_ item: Int) -> Int { tokenCount(item) }

  /// Nothing is read of a file.
  package func forget() {}
}

/// The hashed states of a data set's texts.
package struct HashedSource<Items: TextItems>: TokenSource {
  private let items: Items
  private let encoder: HashedEncoder

  /// Puts an encoder over some items.
  package init(items: Items, encoder: HashedEncoder) {
    self.items = items
    self.encoder = encoder
  }

  /// The encoder's dimension.
  package var dimension: Int { encoder.dimension }

  /// "hashed".
  package var name: String { HashedEncoder.name }

  /// The number of words and features of the item's text, up to the encoder's limit.
  package func tokenCount(_ item: Int) -> Int {
    encoder.tokenCount(items.text(item))
  }

  /// To count a text's words is half the work already.
  package func weight(_ item: Int) -> Int { ItemShares.work(ofText: items.textSize(item), words: encoder.maxTokens) }

  /// Encodes the item's text.
  package func appendStates(_ item: Int, to states: inout [Float]) {
    encoder.encode(items.text(item), into: &states)
  }
}

extension HashedSource: Sendable where Items: Sendable {}

/// A data set's items as an encoder sees them.
package struct DatasetItems: TextItems, Sendable {
  private let dataset: Dataset
  /// The ids of an item in every scene, where items are keyed by both.
  private let sceneKeys: (@Sendable (String) -> [String])?

  /// Looks at a data set's items.
  package init(_ dataset: Dataset) {
    self.dataset = dataset
    sceneKeys = dataset.isKeyedByScene ? dataset.sceneKeys() : nil
  }

  /// The CRC-32 of the item table, as the data set's manifest has it.
  package var checksum: String {
    // The manifest's reader insists on this file, so nil cannot happen.
    dataset.manifest.files.first { $0.path == ItemCatalogue.fileName }?.crc32 ?? ""
  }

  /// The number of items V.
  package var count: Int { dataset.items.count }

  /// The outside id of an item.
  package func id(_ item: Int) -> String { dataset.items.id(item) }

  /// The text of an item as it is stored; empty when it has none.
  package func text(_ item: Int) -> String { dataset.items.storedText(item) }

  /// Bytes of the stored text.
  package func textSize(_ item: Int) -> Int { dataset.items.textBytes(item).count }

  /// The items of an outside id.
  ///
  /// In a data set whose items are keyed by id and scene, an id without a scene names that item of every scene.
  package func items(named id: String) -> [Int] {
    if let item = dataset.items.index(of: id) { return [item] }
    return (sceneKeys?(id) ?? []).compactMap { dataset.items.index(of: $0) }
  }
}
