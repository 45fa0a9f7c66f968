import Files

/// The items of a data set: ids, texts, training counts and scenes, row for row with every model's item table.
///
/// Rows are numbered in the order in which the kept items first appear in the interaction files. Read from `items.safetensors`, mapped.
package final class ItemCatalogue: Sendable {
  /// The file's name inside a data set.
  package static let fileName = "items.safetensors"

  /// The number of items, V.
  package let count: Int
  private let file: SafetensorsFile
  private nonisolated(unsafe) let ids: StringTable
  private nonisolated(unsafe) let texts: StringTable
  private nonisolated(unsafe) let counts: UnsafeBufferPointer<UInt32>
  /// 1 for each cold item; nil without the cold protocol.
  private nonisolated(unsafe) let cold: UnsafeBufferPointer<UInt8>?
  private nonisolated(unsafe) let sceneOffsets: UnsafeBufferPointer<Int64>
  private nonisolated(unsafe) let sceneNumbers: UnsafeBufferPointer<UInt16>
  /// Which items are cold, in the file.
  package static let coldTensor = "cold"

  /// Opens and checks the file.
  ///
  /// Throws `InputError` when it is damaged or does not have these extents.
  init(path: String, count: Int, sceneCount: Int, hasColdItems: Bool) throws {
    let file = try SafetensorsFile(path: path)
    self.file = file
    self.count = count
    ids = try StringTable(file, "ids", count: count, isSearched: true)
    texts = try StringTable(file, "texts", count: count, isSearched: false)
    counts = try file.values("train_counts", as: UInt32.self, .u32, shape: [count])
    cold = hasColdItems ? try file.values(Self.coldTensor, as: UInt8.self, .u8, shape: [count]) : nil
    sceneNumbers = try file.values("scenes", as: UInt16.self, .u16, shape: [nil])
    sceneOffsets = try file.values("scene_offsets", as: Int64.self, .i64, shape: [count + 1])
    try checkOffsets(sceneOffsets, end: sceneNumbers.count, "scene_offsets", in: path)
    try checkBelow(sceneNumbers, sceneCount, "scenes", in: path)
    guard let cold else { return }
    try checkBelow(cold, 2, Self.coldTensor, in: path)
    guard !zip(cold, counts).contains(where: { $0 == 1 && $1 > 0 }) else {
      throw InputError("\(path): a cold item has training events; make the data set again")
    }
  }

  /// Whether the item is kept out of training by the cold protocol.
  package func isCold(_ item: Int) -> Bool { cold.map { $0[item] == 1 } ?? false }

  /// The item's id as it stood in the input (`id@scene` when items are keyed by both).
  package func id(_ item: Int) -> String { ids.string(item) }

  /// The same as bytes; valid while this object lives.
  package func idBytes(_ item: Int) -> UnsafeRawBufferPointer { ids[item] }

  /// A 64-bit hash of the item's id, by which a model finds the item again in another data set (`VirtualShards.hash`).
  package func key(_ item: Int) -> UInt64 { VirtualShards.hash(ids[item]) }

  /// The item's text for people, features behind its words (`ItemText.readable`), or the empty string.
  package func text(_ item: Int) -> String {
    texts[item].contains(ItemText.separator) ? ItemText(stored: texts.string(item)).readable : texts.string(item)
  }

  /// The item's text as it is stored, for encoders: ``ItemText`` tells words and features apart.
  package func storedText(_ item: Int) -> String { texts.string(item) }

  /// The stored text as bytes; valid while this object lives.
  package func textBytes(_ item: Int) -> UnsafeRawBufferPointer { texts[item] }

  /// Whether the item has a text.
  package func hasText(_ item: Int) -> Bool { !texts[item].isEmpty }

  /// The scenes the item has events or a listing in, rising.
  package func scenes(_ item: Int) -> [Int] {
    sceneNumbers[Int(sceneOffsets[item])..<Int(sceneOffsets[item + 1])].map(Int.init)
  }

  /// Number of training events per item, `[V]`; valid while this object lives.
  package var trainCounts: UnsafeBufferPointer<UInt32> { counts }

  /// The row of the item with this id, or nil; a binary search.
  package func index(of id: String) -> Int? { ids.find(id) }
}
