package import Datasets
import Files

/// Ids and texts of an items file, read, checked and cleaned as `prepare` does: items that come after the data set was made.
///
/// Held in memory as a whole, a few dozen bytes an item: ids have to be known to find repeated ones.
package struct NewItemTexts: Sendable {
  /// The ids in the order of the file, each once; `id@scene` when items are keyed by both.
  package private(set) var ids: [String] = []
  /// Their texts as a data set stores them (`ItemText`), the first that is not empty of each.
  package private(set) var texts: [String] = []
  /// Rows whose id had stood before.
  package private(set) var repeatedRows = 0
  /// Rows whose id is an item of the data set already.
  package private(set) var knownRows = 0
  /// Texts that are not UTF-8, with the file and line of the first.
  private(set) var unreadableTexts = Occurrences()

  /// Reads a file (`.gz`, `-`) with the columns of the items file that the data set was prepared with, or the usual item and text; a
  /// data set keyed by id and scene needs a scene too.
  ///
  /// Throws `InputError` at the first bad row: a list of new items is short enough to be fixed.
  package init(path: String, newTo dataset: Dataset) throws {
    let sceneKey = dataset.isKeyedByScene ? SceneKey(dataset) : nil
    let source = try Importer.list(path, layouts: Self.layouts(dataset))
    let row = Row()
    let (buffer, noScene) = (ByteBuffer(), ByteBuffer())
    for byte in source.defaultScene.utf8 { noScene.append(byte) }
    var indices: [Identifier: Int] = [:]
    while true {
      let outcome = try source.next(row)
      if case .end = outcome { break }
      try checkRow(outcome, row[.item], "item", source)
      var id = row[.item]
      if let sceneKey {
        let scene = row[.scene].isEmpty ? noScene[0..<noScene.count] : row[.scene]
        try checkRow(outcome, scene, "scene", source)
        try sceneKey.check(scene, source.place)
        id = sceneKey.join(id, scene, buffer)
        try checkRow(outcome, id, "item", source)
      }
      if !TextCleaner.isUTF8(row[.text]) || !TextCleaner.isUTF8(row[.features]) { unreadableTexts.add(source.place) }
      take(
        String(decoding: id, as: UTF8.self), text: TextCleaner.itemText(row, unescapesHTML: false).stored, &indices,
        known: dataset)
    }
  }

  private static func layouts(_ dataset: Dataset) throws -> [RowLayout] {
    let recorded = try dataset.manifest.preparation.columns.map { try ColumnNames($0) }
    return ([recorded].compactMap { $0 } + [ColumnNames()]).map { names in
      let required = names.requiredOfItems + (dataset.isKeyedByScene ? [.scene] : [])
      let names = dataset.isKeyedByScene ? names : names.withoutChoice(of: .scene)
      return RowLayout(names, required: required, optional: [.text, .features].filter { !required.contains($0) })
    }
  }

  private mutating func take(_ id: String, text: String, _ indices: inout [Identifier: Int], known dataset: Dataset) {
    if let index = indices[Identifier(id)] {
      repeatedRows += 1
      if texts[index].isEmpty { texts[index] = text }
    } else if dataset.items.index(of: id) != nil {
      knownRows += 1
    } else {
      indices[Identifier(id)] = ids.count
      ids.append(id)
      texts.append(text)
    }
  }
}
