import Collectives
import Files

/// Gives names that each rank has numbered on its own the numbers that one rank would have given them.
///
/// One rank numbers by first appearance, and ranks read consecutive stretches of the input: rank 0's names come first, in its order, then
/// the new ones of rank 1, and so on. Ours: each rank in turn tells the names that nobody has told before, so every name travels once
/// to each rank, and the work and memory of a rank grow with the names; with the ranks grow only the turns, each of two exchanges.
struct CommonNumbers {
  /// All ranks' names.
  let table: IdentifierTable
  /// The number in `table` of each own name; nil when they are the own ones.
  private let numbers: [UInt32]?

  /// The common number of an own name.
  @inline(__always)
  func number(_ own: Int) -> Int { numbers.map { Int($0[own]) } ?? own }

  /// The common numbers of several kinds of names; collective.
  ///
  /// Throws `InputError` when there are too many names.
  static func of(_ own: [IdentifierTable], on communicator: any Communicator) throws -> [CommonNumbers] {
    guard communicator.size > 1 else { return own.map { CommonNumbers(table: $0, numbers: nil) } }
    let tables = own.map { _ in IdentifierTable() }
    var numbers = own.map { [UInt32](repeating: .max, count: $0.count) }
    for teller in 0..<communicator.size {
      var told = NameList()
      if communicator.rank == teller {
        for kind in own.indices {
          let new = numbers[kind].indices.filter { numbers[kind][$0] == .max }
          told.append(count: new.count)
          for name in new { told.append(own[kind][name]) }
        }
      }
      told = NameList(bytes: try communicator.gather(told.bytes))
      try told.forEach(kinds: own.count) { kind, id in
        let number = try tables[kind].intern(id)
        if let name = own[kind].find(id).index { numbers[kind][name] = UInt32(number) }
      }
    }
    return own.indices.map { CommonNumbers(table: tables[$0], numbers: numbers[$0]) }
  }
}

/// Names as they travel: each with its length in front, and those of a kind with their number in front.
struct NameList {
  private(set) var bytes: [UInt8] = []
  private(set) var count = 0

  init() {}

  init(bytes: [UInt8]) { self.bytes = bytes }

  /// Begins the names of the next kind.
  mutating func append(count: Int) { append(UInt64(count)) }

  mutating func append(_ name: UnsafeRawBufferPointer) {
    append(UInt32(name.count))
    bytes.append(contentsOf: name)
    count += 1
  }

  /// Calls `body` with each name and the number of its kind.
  func forEach(kinds: Int, _ body: (Int, UnsafeRawBufferPointer) throws -> Void) rethrows {
    try bytes.withUnsafeBytes { all in
      var start = 0
      for kind in 0..<kinds where start < all.count {
        let count = Int(all.loadUnaligned(fromByteOffset: start, as: UInt64.self))
        start += MemoryLayout<UInt64>.size
        for _ in 0..<count { try body(kind, NameList.name(all, &start)) }
      }
    }
  }

  /// Calls `body` with each name of a list without kinds.
  func forEach(_ body: (UnsafeRawBufferPointer) throws -> Void) rethrows {
    try bytes.withUnsafeBytes { all in
      var start = 0
      while start < all.count { try body(NameList.name(all, &start)) }
    }
  }

  private static func name(_ all: UnsafeRawBufferPointer, _ start: inout Int) -> UnsafeRawBufferPointer {
    let length = Int(all.loadUnaligned(fromByteOffset: start, as: UInt32.self))
    let first = start + MemoryLayout<UInt32>.size
    start = first + length
    return UnsafeRawBufferPointer(rebasing: all[first..<start])
  }

  private mutating func append(_ number: some FixedWidthInteger) { withUnsafeBytes(of: number) { bytes.append(contentsOf: $0) } }
}
