import Collectives
import Files

/// Gives names that each rank has numbered on its own the numbers that one rank would have given them.
///
/// One rank numbers by first appearance, and ranks read consecutive stretches of the input: rank 0's names come first, in its order, then
/// the new ones of rank 1, and so on. Ours: each rank in turn tells the names that nobody has told before, so every name travels once,
/// and work and memory of a rank grow with the names, not with the ranks.
struct CommonNumbers {
  /// All ranks' names.
  let table: IdentifierTable
  /// The number in `table` of each own name; nil when they are the own ones.
  private let numbers: [UInt32]?

  /// The common number of an own name.
  @inline(__always)
  func number(_ own: Int) -> Int { numbers.map { Int($0[own]) } ?? own }

  /// Collective.
  ///
  /// Throws `InputError` when there are too many names.
  init(of own: IdentifierTable, on communicator: any Communicator) throws {
    guard communicator.size > 1 else {
      (table, numbers) = (own, nil)
      return
    }
    let table = IdentifierTable()
    var numbers = [UInt32](repeating: .max, count: own.count)
    for teller in 0..<communicator.size {
      let new = communicator.rank == teller ? (0..<own.count).filter { numbers[$0] == .max } : []
      var told = NameList()
      for name in new { told.append(own[name]) }
      try told.share(of: teller, on: communicator)
      try told.forEach { id in
        let number = try table.intern(id)
        if let name = own.find(id).index { numbers[name] = UInt32(number) }
      }
    }
    (self.table, self.numbers) = (table, numbers)
  }
}

/// Names one behind the other, as they travel.
struct NameList {
  private(set) var lengths: [UInt32] = []
  private(set) var bytes: [UInt8] = []

  init() {}

  init(lengths: [UInt32], bytes: [UInt8]) { (self.lengths, self.bytes) = (lengths, bytes) }

  mutating func append(_ name: UnsafeRawBufferPointer) {
    lengths.append(UInt32(name.count))
    bytes.append(contentsOf: name)
  }

  /// Becomes the list of one of the ranks on every rank.
  mutating func share(of teller: Int, on communicator: any Communicator) throws {
    let isTeller = communicator.rank == teller
    self = NameList(
      lengths: try communicator.gather(isTeller ? lengths : []), bytes: try communicator.gather(isTeller ? bytes : []))
  }

  /// Calls `body` with each name.
  func forEach(_ body: (UnsafeRawBufferPointer) throws -> Void) rethrows {
    try bytes.withUnsafeBytes { all in
      var start = 0
      for length in lengths {
        try body(UnsafeRawBufferPointer(rebasing: all[start..<start + Int(length)]))
        start += Int(length)
      }
    }
  }
}
