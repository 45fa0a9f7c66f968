package import Files

/// Token states made elsewhere, by a language model, for items in an order of their own.
///
/// A safetensors file as ``TokenStates`` reads it, and a list of the item ids, a UTF-8 line each, row for
/// row of `offsets`. Where no list is named it is looked for beside the states, as `FILE.safetensors.ids.txt`.
package struct ForeignStates: TokenSource, Sendable {
  private let states: TokenStates
  private let maxTokens: Int
  /// The row of the file for each item of the data set; -1 for none.
  private let rows: [Int]
  /// Items of the data set that the list does not name.
  package let missingItems: Int
  /// Items of the list that the data set does not have.
  package let unusedItems: Int

  /// Opens a file and finds the data set's items in it.
  ///
  /// - Parameters:
  ///   - path: The safetensors file.
  ///   - ids: The list of ids; nil looks beside the file.
  ///   - items: The data set's items.
  ///   - maxTokens: Tokens kept of an item.
  /// - Throws: `InputError` when a file is damaged, the two do not belong together, an id stands twice, or more than half of
  ///   the data set's items are not in the list.
  package init(path: String, ids: String?, items: some TextItems, maxTokens: Int) throws {
    if case .numpy = VectorFileKind(path) {
      throw InputError("\(path) is a NumPy file; give vectors of items with --vectors, those of new items with --new-vectors")
    }
    states = try TokenStates(path: path)
    self.maxTokens = maxTokens
    let list = ids ?? "\(path).ids.txt"
    if ids == nil { try ItemRows.check(list: list, states.metadata, "states") }
    var found = ItemRows(count: items.count)
    try found.read(list: list, rows: states.itemCount, of: path, "states", items)
    (rows, unusedItems, missingItems) = (found.rows, found.unused, found.missing)
    guard missingItems * 2 <= items.count else {
      throw InputError(
        "\(list) names only \(items.count - missingItems) of the data set's \(items.count) items; are these the ids of the same catalogue? "
          + "The data set's first is \"\(items.id(0))\"")
    }
  }

  /// The file of the states.
  package var file: String? { states.path }

  /// The width of the file's states.
  package var dimension: Int { states.dimension }

  /// The encoder that the file's header names, or "states".
  package var name: String { states.metadata["encoder"] ?? "states" }

  /// How the file stores its states.
  package var type: ElementType { states.type }

  /// The item's tokens in the file, cut at the limit; 0 for an item that the list does not name.
  package func tokenCount(_ item: Int) -> Int {
    rows[item] < 0 ? 0 : min(states.tokenCount(rows[item]), maxTokens)
  }

  /// Takes the states that were read out of memory.
  package func forget() { states.forget(0..<states.itemCount) }

  /// Appends the item's first states, converted to Float.
  package func appendStates(_ item: Int, to output: inout [Float]) {
    let count = tokenCount(item) * dimension
    guard count > 0 else { return }
    let bytes = UnsafeRawBufferPointer(rebasing: states.rawStates(rows[item])[0..<count * type.size])
    let start = output.count
    output.append(contentsOf: repeatElement(0, count: count))
    output.withUnsafeMutableBufferPointer { buffer in
      if let base = buffer.baseAddress { type.decode(bytes, into: base + start) }
    }
  }
}

/// Eight hexadecimal digits, as checksums are written.
func hexadecimal(_ checksum: UInt32) -> String {
  let digits = String(checksum, radix: 16)
  return String(repeating: "0", count: 8 - digits.count) + digits
}
