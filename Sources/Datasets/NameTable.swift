import Files

/// Scene or behaviour names, numbered in the order of first appearance, at most 65,535 of them.
final class NameTable {
  static let maximumCount = Int(UInt16.max)

  private let what: String
  private let table = IdentifierTable()
  private var last = -1

  /// `what` names the column in messages.
  init(_ what: String) { self.what = what }

  var count: Int { table.count }

  func string(_ index: Int) -> String { table.string(index) }

  /// A hash of the name itself, whatever its number.
  func hash(_ index: Int) -> UInt64 { VirtualShards.hash(table[index]) }

  enum Found {
    case number(UInt16)
    case bad(BadRow)
  }

  /// The name's number, added when it is new and sound.
  ///
  /// Throws `InputError` when there are too many.
  @inline(__always)
  func number(_ name: UnsafeRawBufferPointer) throws -> Found {
    if last >= 0 && compareBytes(table[last], name) == 0 { return .number(UInt16(last)) }
    return try lookUp(name)
  }

  private func lookUp(_ name: UnsafeRawBufferPointer) throws -> Found {
    let (index, hash) = table.find(name)
    if let index {
      last = index
      return .number(UInt16(index))
    }
    if let problem = IdentifierCheck.problem(name, what) { return .bad(problem) }
    guard count < NameTable.maximumCount else {
      throw InputError("there are more than \(NameTable.maximumCount) different values of \(what); is the right column named?")
    }
    last = try table.insert(name, hash: hash)
    return .number(UInt16(last))
  }
}
