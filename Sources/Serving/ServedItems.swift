package import Datasets
import Files
package import Preparation
import Texts

/// The items that can be recommended: the catalogue's rows, and behind them items that came later.
package struct ServedItems {
  /// Items of a list, found by their ids.
  package struct List {
    /// Their rows.
    package let rows: Set<Int>
    /// Ids that are no item's, and the first of them.
    package let unknown: Int
    package let firstUnknown: String?
  }

  private let dataset: Dataset
  private let added: NewItemTexts?
  private let addedIndices: [Identifier: Int]

  /// Names the items of a data set and those of a list of new ones.
  package init(_ dataset: Dataset, added: NewItemTexts? = nil) {
    (self.dataset, self.added) = (dataset, added)
    let ids = added?.ids ?? []
    addedIndices = Dictionary(uniqueKeysWithValues: ids.indices.map { (Identifier(ids[$0]), dataset.items.count + $0) })
  }

  /// All of them.
  package var count: Int { dataset.items.count + (added?.ids.count ?? 0) }

  /// The row of an item that came later, by its id; nil when there is none.
  package func added(_ id: String) -> Int? { addedIndices[Identifier(id)] }

  /// Whether an item came after the data set was made.
  package func isAdded(_ item: Int) -> Bool { item >= dataset.items.count }

  /// The outside id of an item.
  package func id(_ item: Int) -> String {
    isAdded(item) ? added?.ids[item - dataset.items.count] ?? "" : dataset.items.id(item)
  }

  /// The text of an item for people; empty when it has none.
  package func text(_ item: Int) -> String {
    isAdded(item) ? ItemText(stored: added?.texts[item - dataset.items.count] ?? "").readable : dataset.items.text(item)
  }

  /// The names of an item's scenes; items that came later have none.
  package func sceneNames(_ item: Int) -> [String] { scenes(item).map { dataset.scenes[$0] } }

  /// The numbers of an item's scenes; items that came later have none.
  package func scenes(_ item: Int) -> [Int] { isAdded(item) ? [] : dataset.items.scenes(item) }

  /// Reads a list of ids, one a line or a row of a Parquet file; of an item that every scene has for itself, an id without a scene names all.
  ///
  /// Throws `InputError` when the file cannot be read, a line is no id, or none of the ids is an item's.
  package func list(path: String) throws -> List {
    let file = try IdentifierList(path: path, of: .item)
    let known = DatasetItems(dataset)
    var (rows, unknown, first) = (Set<Int>(), 0, String?.none)
    while let id = try file.next() {
      let found = known.items(named: id) + [addedIndices[Identifier(id)]].compactMap { $0 }
      rows.formUnion(found)
      guard found.isEmpty else { continue }
      unknown += 1
      first = first ?? id
    }
    guard !rows.isEmpty || unknown == 0 else {
      throw InputError(
        "\(file.path): none of its \(unknown) ids is an item's, not \(first ?? ""); give ids as the data set has them")
    }
    return List(rows: rows, unknown: unknown, firstUnknown: first)
  }
}
