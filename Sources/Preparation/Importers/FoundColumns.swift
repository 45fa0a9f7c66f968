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

  /// The first layout that fits, and where its fields stand.
  ///
  /// Throws `InputError` about the first layout when none does; `advice` is what to do instead of `--columns`.
  func choose(_ layouts: [RowLayout], _ advice: String?) throws -> (RowLayout, [(slot: Int, index: Int)]) {
    for layout in layouts {
      if let positions = try? positions(layout, advice) { return (layout, positions) }
    }
    return (layouts[0], try positions(layouts[0], advice))
  }

  /// The slot and the place among the names of each field that is there, in the layout's order.
  ///
  /// Throws `InputError` when one is missing or stands twice.
  private func positions(_ layout: RowLayout, _ advice: String?) throws -> [(slot: Int, index: Int)] {
    var positions: [(slot: Int, index: Int)] = []
    var missing: [RowLayout.Field] = []
    for field in layout.fields {
      let found = indices(of: field.name)
      guard found.count < 2 else { throw InputError("\(subject) has the column \(field.name) twice; rename one of them") }
      if let index = found.first { positions.append((field.slot, index)) }
      if found.isEmpty && field.isChosen { missing.append(field) }
    }
    guard missing.isEmpty else {
      let lack = "\(subject) has no column \(missing.map(\.name).joined(separator: ", "))"
      if let hint { throw InputError("\(lack): \(hint)") }
      guard !names.isEmpty else { throw InputError("\(lack), and no other one") }
      let roles = missing.map(\.column.rawValue).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
      let wanted = roles.map { "\($0)=NAME" }.joined(separator: ",")
      throw InputError("\(lack), only \(shown); " + (advice ?? "name the columns with --columns (such as \(wanted))"))
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
