/// The items that token states are made for, in the data set's order.
public protocol TextItems {
  /// The number of items V.
  var count: Int { get }
  /// The outside id of an item.
  func id(_ item: Int) -> String
  /// The text of an item; empty when it has none.
  func text(_ item: Int) -> String
  /// The items that an outside id names: mostly one or none.
  func items(named id: String) -> [Int]
}

/// Where token states come from, item by item of a data set.
public protocol TokenSource {
  /// The width d_t of a state.
  var dimension: Int { get }
  /// What the data set's record names as the encoder.
  var name: String { get }
  /// The file that the states come from, for messages; nil when they are made here.
  var file: String? { get }
  /// The number of tokens of an item, at most the limit asked for.
  func tokenCount(_ item: Int) -> Int
  /// Appends an item's states, `tokenCount(item) * dimension` numbers.
  func appendStates(_ item: Int, to states: inout [Float])
}

extension TokenSource {
  /// Made here.
  public var file: String? { nil }
}

/// The hashed states of a data set's texts.
public struct HashedSource<Items: TextItems>: TokenSource {
  private let items: Items
  private let encoder: HashedEncoder

  /// Puts an encoder over some items.
  public init(items: Items, encoder: HashedEncoder) {
    self.items = items
    self.encoder = encoder
  }

  /// The encoder's dimension.
  public var dimension: Int { encoder.dimension }

  /// "hashed".
  public var name: String { "hashed" }

  /// The number of words of the item's text, up to the encoder's limit.
  public func tokenCount(_ item: Int) -> Int {
    encoder.tokenCount(items.text(item))
  }

  /// Encodes the item's text.
  public func appendStates(_ item: Int, to states: inout [Float]) {
    encoder.encode(items.text(item), into: &states)
  }
}
