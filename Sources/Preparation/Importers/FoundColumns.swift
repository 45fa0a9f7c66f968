import Datasets
import Files

/// The columns that a file has, in which those that are wanted are looked up.
struct FoundColumns {
  /// The names in the file's order.
  let names: [String]
  /// What has the columns, as a sentence begins: `events.csv:1: the header`, `events.parquet`.
  let subject: String
  /// What to say of a file that does not have them, instead of naming those that it has.
  let hint: String?

  /// Each column's place, in the order of the columns.
  ///
  /// Throws `InputError` when one is missing or stands twice; `advice` is what to do instead of `--columns`.
  func positions(
    _ columns: ColumnNames, _ required: [Column], _ optional: [Column], _ advice: String?
  ) throws -> [(column: Column, index: Int)] {
    var positions: [(Column, Int)] = []
    var missing: [String] = []
    for column in required + optional {
      let found = indices(of: columns[column])
      guard found.count < 2 else { throw InputError("\(subject) has the column \(columns[column]) twice; rename one of them") }
      if let index = found.first { positions.append((column, index)) }
      if found.isEmpty && (required.contains(column) || columns.isChosen(column)) { missing.append(columns[column]) }
    }
    guard missing.isEmpty else {
      let lack = "\(subject) has no column \(missing.joined(separator: ", "))"
      if let hint { throw InputError("\(lack): \(hint)") }
      guard let first = names.first else { throw InputError("\(lack), and no other one") }
      throw InputError(
        "\(lack), only \(shown); " + (advice ?? "name the columns with --columns (such as user=\(first.prefix(40)))"))
    }
    return positions
  }

  /// By bytes, and where there is none by what Unicode calls the same: editors write é in either way.
  private func indices(of name: String) -> [Int] {
    let same = names.indices.filter { Identifier(names[$0]) == Identifier(name) }
    return same.isEmpty ? names.indices.filter { names[$0] == name } : same
  }

  private var shown: String {
    names.prefix(20).map { String($0.prefix(40)) }.joined(separator: ", ") + (names.count > 20 ? ", …" : "")
  }
}
