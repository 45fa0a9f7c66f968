import Datasets
import Files

/// Scene or behavior names, numbered in the order of first appearance, at most 65,535 of them.
final class NameTable {
  static let maximumCount = Int(UInt16.max)

  private let what: String
  /// The names with their numbers.
  let table: IdentifierTable
  private var last = -1

  /// `what` names the column in messages.
  init(_ what: String) {
    self.what = what
    table = IdentifierTable()
  }

  /// Takes over names that were numbered elsewhere; throws `InputError` when there are too many.
  init(_ what: String, _ table: IdentifierTable) throws {
    self.what = what
    self.table = table
    guard table.count <= NameTable.maximumCount else { throw tooMany }
  }

  var count: Int { table.count }

  func string(_ index: Int) -> String { table.string(index) }

  /// A hash of the name itself, whatever its number.
  func hash(_ index: Int) -> UInt64 { VirtualShards.hash(table[index]) }

  /// The number of a name that is known to be sound, added when it is new.
  @discardableResult
  func intern(_ name: String) throws -> UInt16 {
    var name = name
    return try name.withUTF8 { name in
      let (index, hash) = table.find(UnsafeRawBufferPointer(name))
      return try index.map { UInt16($0) } ?? insert(UnsafeRawBufferPointer(name), hash: hash)
    }
  }

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
    let number = try insert(name, hash: hash)
    last = Int(number)
    return .number(number)
  }

  private func insert(_ name: UnsafeRawBufferPointer, hash: UInt64) throws -> UInt16 {
    guard count < NameTable.maximumCount else { throw tooMany }
    return UInt16(try table.insert(name, hash: hash))
  }

  private var tooMany: InputError {
    InputError("there are more than \(NameTable.maximumCount) different values of \(what); is the right column named?")
  }
}
