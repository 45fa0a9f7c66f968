import Collectives
import Files
import Synchronization
import TestSupport
import Testing

@testable import Datasets
@testable import Preparation

/// A rank that fails ends all ranks, soon and with one sentence.
struct FailingReaderTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Rows without an end, or a number of them and then damage.
  private final class Rows: RowSource {
    let path: String
    var lineNumber = 1
    let bytesRead = 0
    let namesScenes = false
    private let damagedAfter: Int
    private let bytes = ByteBuffer()

    init(_ path: String, damagedAfter: Int = .max) {
      (self.path, self.damagedAfter) = (path, damagedAfter)
      for byte in "u17i17".utf8 { bytes.append(byte) }
    }

    /// Each ninth row is bad.
    func fill(_ row: Row) throws -> RowOutcome {
      guard lineNumber <= damagedAfter else { throw InputError("\(path):\(lineNumber) is damaged") }
      lineNumber += 1
      (row[.user], row[.item]) = (bytes[0..<2], bytes[3..<5])
      row[.timestamp] = lineNumber % 9 == 0 ? bytes[0..<1] : bytes[1..<2]
      return .row
    }
  }

  /// What each rank threw, in rank order.
  private func errors(ranks: Int, _ body: @escaping @Sendable (any Communicator) throws -> Void) throws -> [String] {
    let thrown = Mutex<[Int: String]>([:])
    #expect(throws: RankFailure.self) {
      try RankThreads.run(ranks: ranks) { communicator in
        do { try body(communicator) } catch {
          thrown.withLock { $0[communicator.rank] = "\(error)" }
          throw error
        }
      }
    }
    return (0..<ranks).map { rank in thrown.withLock { $0[rank] ?? "" } }
  }

  /// The others would read for ever.
  @Test(arguments: [0, 1, 2]) func aDamagedFileEndsAllRanks(failing: Int) throws {
    let path = folder.path
    let notes = Mutex<[String]>([])
    let errors = try errors(ranks: 3) { communicator in
      let isFailing = communicator.rank == failing
      let source = Rows("\(communicator.rank).csv", damagedAfter: isFailing ? 100_000 : .max)
      let note = { (line: String) in if communicator.isFirst { notes.withLock { $0.append(line) } } }
      let reading = EventReading(
        options: PreparationOptions(), reporter: PreparationReporter(note: note), communicator: communicator, folder: path)
      _ = try reading.run(
        EventReading.Share(shards: 0..<0, inputs: [EventReading.Input(number: communicator.rank + 1) { source }]))
    }
    #expect(errors.allSatisfy { $0.hasPrefix("\(failing).csv:100001 is damaged (rank \(failing) on ") }, "\(errors)")
    #expect(notes.withLock { $0.count == BadRowLog.shownRows && $0[0].hasPrefix("bad row: 0.csv:9: ") })
  }

  /// Users `<rank>-0`, `<rank>-1` and so on, each in one of so many shards.
  private static func users(_ rank: Int, count: Int, shards: Int, most: Int) throws -> UserTable {
    let users = UserTable(shardCount: shards, most: most)
    for user in 0..<count {
      var name = "\(rank)-\(user)"
      _ = try name.withUTF8 { try users.intern(UnsafeRawBufferPointer($0)) }
    }
    return users
  }

  /// One rank has the only shard and cannot number all users; or each can number its own, but they are too many for a data set.
  @Test(arguments: [1, 64]) func tooManyUsersAreOneSentence(shards: Int) throws {
    for ranks in [2, 3] {
      let errors = try errors(ranks: ranks) { communicator in
        let users = try Self.users(communicator.rank, count: 60, shards: shards, most: 60 * ranks - 1)
        _ = try EventExchange(users, known: 0, on: communicator)
      }
      #expect(Set(errors.map { $0.prefix { $0 != "(" } }).count == 1, "\(errors)")
      #expect(errors[0].hasPrefix("there are more than \(60 * ranks - 1) different ids"), "\(errors)")
      try RankThreads.run(ranks: ranks) { communicator in
        let users = try Self.users(communicator.rank, count: 60, shards: shards, most: 60 * ranks)
        _ = try EventExchange(users, known: 0, on: communicator)
      }
    }
  }

  /// A rank whose disk refuses the events that come ends the exchange with the next block, not after all of them.
  @Test func aFullDiskEndsTheExchange() throws {
    let path = folder.path
    let messages = Mutex<[Int]>([])
    let errors = try errors(ranks: 2) { communicator in
      let users = try Self.users(communicator.rank, count: 60, shards: 64, most: 1_000)
      let exchange = try EventExchange(users, known: 0, on: communicator)
      let log = EventLog(folder: path, memory: 1 << 30)
      for event in 0..<200_000 { try log.append(EventRecord(time: 0, user: UInt32(event % 60), item: 0, scene: 0, behavior: 0)) }
      let names = try (0..<3).map { _ in
        let table = IdentifierTable()
        _ = try [UInt8(ascii: "a")].withUnsafeBytes { try table.intern($0) }
        return table
      }
      let numbers = try CommonNumbers.of(names, on: communicator)
      let none = communicator.rank == 1 ? "\(path)/none" : path
      let sorter = EventSorter(users: exchange.users, folder: none, memory: 1 << 10, lanes: 2)
      communicator.state.resetTraffic()
      defer { messages.withLock { $0.append(communicator.state.messages.all) } }
      try exchange.send(log, numbers: numbers, to: sorter, memory: 1 << 10)
    }
    #expect(errors.allSatisfy { $0.hasPrefix("cannot create a scratch file in \(path)/none: ") && $0.contains("(rank 1 on ") })
    // Some 200 blocks take two messages each.
    #expect(messages.withLock { $0.count == 2 && $0.allSatisfy { $0 < 20 } })
  }
}
