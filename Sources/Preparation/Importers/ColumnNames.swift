import Files

/// What a column of an input file means.
package enum Column: String, Sendable, CaseIterable {
  /// The user's id.
  case user
  /// The item's id.
  case item
  /// When it happened.
  case timestamp
  /// Where it happened: an application, a page, a shop department.
  case scene
  /// What happened: view, like, buy.
  case behavior
  /// The item's title or description.
  case text

  /// The place in `Row`.
  var index: Int {
    switch self {
    case .user: 0
    case .item: 1
    case .timestamp: 2
    case .scene: 3
    case .behavior: 4
    case .text: 5
    }
  }
}

/// A field without the spaces around it.
func trimmed<Bytes: BidirectionalCollection<UInt8>>(_ field: Bytes) -> Bytes.SubSequence {
  var field = field.drop { $0 == 0x20 }
  while field.last == 0x20 { field = field.dropLast() }
  return field
}

/// The names that columns (or JSON keys) have in the input files.
package struct ColumnNames: Sendable, Equatable {
  private var names: [String] = Column.allCases.map(\.rawValue)
  private var chosen: Set<Column> = []

  /// The usual names: `user`, `item`, `timestamp`, `scene`, `behavior`, `text`.
  package init() {}

  /// Reads `user=uid,item=iid,…`; columns that are not named keep their usual names.
  ///
  /// A name may have several roles (`item=artist,text=artist`), a role one name.
  package init(_ text: String) throws {
    for part in text.utf8.split(separator: 0x2C) {
      let sides = part.split(separator: 0x3D, maxSplits: 1).map { String(decoding: trimmed($0), as: UTF8.self) }
      guard sides.count == 2, let column = Column(rawValue: sides[0]), !sides[1].isEmpty else {
        let known = Column.allCases.map(\.rawValue).joined(separator: ", ")
        throw InputError("columns are given as user=NAME,item=NAME,… with \(known); \(Substring(part)) is none of these")
      }
      guard !isChosen(column) else {
        throw InputError("--columns names two columns for \(column.rawValue), \(self[column]) and \(sides[1]); name one")
      }
      self[column] = sides[1]
    }
  }

  /// The name of a column in the input files.
  package subscript(column: Column) -> String {
    get { names[column.index] }
    set {
      names[column.index] = newValue
      chosen.insert(column)
    }
  }

  /// Whether the user named the column, so that its absence is a mistake.
  func isChosen(_ column: Column) -> Bool { chosen.contains(column) }

  /// The same names, but the absence of this column is no mistake.
  func withoutChoice(of column: Column) -> ColumnNames {
    var names = self
    names.chosen.remove(column)
    return names
  }
}
