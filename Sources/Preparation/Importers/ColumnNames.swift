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
  /// The item's title or description; several fields are joined.
  case text
  /// Fields that tell something of the item, each a token of its own.
  case features

  /// The place in `Row`.
  var index: Int {
    switch self {
    case .user: 0
    case .item: 1
    case .timestamp: 2
    case .scene: 3
    case .behavior: 4
    case .text: 5
    case .features: 6
    }
  }

  /// Whether several fields of a file may make the column.
  var isJoined: Bool { self == .text || self == .features }
}

/// A field without the spaces around it.
func trimmed<Bytes: BidirectionalCollection<UInt8>>(_ field: Bytes) -> Bytes.SubSequence {
  var field = field.drop { $0 == 0x20 }
  while field.last == 0x20 { field = field.dropLast() }
  return field
}

/// The names that columns (or JSON keys) have in the input files.
package struct ColumnNames: Sendable, Equatable, CustomStringConvertible {
  /// The fields of each column; several for those that are joined, none for features that nobody named.
  private var names: [[String]] = Column.allCases.map { $0 == .features ? [] : [$0.rawValue] }
  private var chosen: Set<Column> = []
  /// The most fields that the joined columns have together (ours): each of them costs a place in every row.
  static let mostParts = 64

  /// The usual names: `user`, `item`, `timestamp`, `scene`, `behavior`, `text`, and no features.
  package init() {}

  /// Reads `user=uid,item=iid,text=title+category,…`; columns that are not named keep their usual names.
  ///
  /// A name may have several roles (`item=artist,text=artist`). A role has one name, but text and features may have several with `+`
  /// between them.
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
      try choose(sides[1], for: column)
    }
  }

  private mutating func choose(_ text: String, for column: Column) throws {
    guard column.isJoined else {
      self[column] = text
      return
    }
    let parts = text.utf8.split(separator: 0x2B, omittingEmptySubsequences: false)
    let fields = parts.map { String(decoding: trimmed($0), as: UTF8.self) }
    guard fields.allSatisfy({ !$0.isEmpty }) else {
      throw InputError("--columns \(column.rawValue)=\(text) has no name beside a +; give \(column.rawValue)=NAME+NAME")
    }
    guard Set(fields.map(Identifier.init)).count == fields.count else {
      throw InputError("--columns \(column.rawValue)=\(text) has a name twice; leave one out")
    }
    names[column.index] = fields
    chosen.insert(column)
    guard names.reduce(0, { $0 + $1.count }) <= Self.mostParts else {
      throw InputError("--columns names more than \(Self.mostParts) fields; leave some out")
    }
  }

  /// The name of a column in the input files; of several, all with `+` between them.
  package subscript(column: Column) -> String {
    get { names[column.index].joined(separator: "+") }
    set {
      names[column.index] = [newValue]
      chosen.insert(column)
    }
  }

  /// The fields of the files that make a column.
  package func fields(_ column: Column) -> [String] { names[column.index] }

  /// The command line's spelling of what was chosen.
  package var description: String {
    Column.allCases.filter(isChosen).map { "\($0.rawValue)=\(self[$0])" }.joined(separator: ",")
  }

  /// Whether the user named the column, so that its absence is a mistake.
  func isChosen(_ column: Column) -> Bool { chosen.contains(column) }

  /// What every items file must have: a text is not wanted where features alone were named.
  var requiredOfItems: [Column] { isChosen(.features) && !isChosen(.text) ? [.item] : [.item, .text] }

  /// The same names, but a column has its usual one.
  func withUsualName(of column: Column) -> ColumnNames {
    var names = self
    names.names[column.index] = ColumnNames().names[column.index]
    names.chosen.remove(column)
    return names
  }

  /// The same names, but the absence of this column is no mistake.
  func withoutChoice(of column: Column) -> ColumnNames {
    var names = self
    names.chosen.remove(column)
    return names
  }
}
