package import Datasets
import Files
import Tensors

/// The vectors of items that came to a data set after its text vectors were made, by the same word weights and axes.
///
/// Ours: what a blend was fitted to stays as it is, whatever words and items come later.
final class TextVectorGrowth: Sendable {
  /// Of each item its row in the file, or -1 - its row among those that came later.
  let places: [Int32]
  private nonisolated(unsafe) let added: Storage<UInt16>

  /// Makes the vectors of the items that have no row in the file.
  init(_ vectors: TextVectors, _ items: some TextItems, rows: [Int32], states: TokenStates?) {
    precondition(rows.count == items.count, "\(rows.count) rows of \(items.count) items")
    let new = rows.indices.filter { rows[$0] < 0 }
    var places = rows
    for (index, item) in new.enumerated() { places[item] = Int32(-1 - index) }
    self.places = places
    added = Storage(count: new.count * vectors.width)
    let maker = TextVectorMaker(lexical: vectors.lexical, axes: vectors.axes)
    let workspace = Workspace()
    for start in stride(from: 0, to: new.count, by: 1024) {
      let block = new[start..<min(start + 1024, new.count)]
      workspace.scope {
        let made = workspace.matrix(block.count, vectors.width)
        let scratch = workspace.matrix(max(states?.maxTokens ?? 1, 1), max(states?.dimension ?? 1, 1))
        maker.make(
          into: made, text: { items.text(block[block.startIndex + $0]) },
          mean: { states?.copyMean(block[block.startIndex + $0], into: $1, scratch: scratch.base) ?? false },
          workspace: workspace)
        ElementType.f16.encode(UnsafeBufferPointer(made.buffer), into: added.base + start * vectors.width)
      }
    }
  }

  /// The bytes that an item's vector stands in, and its row there.
  @inline(__always)
  func find(_ item: Int, in file: UnsafeRawBufferPointer) -> (UnsafeRawBufferPointer, row: Int) {
    let place = Int(places[item])
    return place >= 0 ? (file, place) : (UnsafeRawBufferPointer(added.buffer), -1 - place)
  }
}

extension TextVectors {
  /// The vectors of a newer data set's items: of known ones as they stand here, of others made by the same word weights and axes.
  ///
  /// - Parameter rows: of each item its row here, -1 = none.
  /// - Throws: `InputError` when the newer data set has no token states though these vectors are made of some.
  package func extended(to dataset: Dataset, rows: [Int32]) throws -> TextVectors {
    let states = axes == nil ? nil : try TokenStates(dataset: dataset)
    guard axes.map({ $0.mean.count == states?.dimension }) ?? true else {
      throw InputError(
        "\(dataset.path) has token states of another width than the model's own data set; encode it in the same way")
    }
    return TextVectors(self, growth: TextVectorGrowth(self, DatasetItems(dataset), rows: rows, states: states))
  }
}
