import Foundation
import Testing

@testable import Collectives

/// Ranks that are processes keep the contract; these run when a launcher started the tests (`cluster/local/test-mpi.sh`).
///
/// MPI starts once a process and belongs to one thread: one world for all tests, on the main actor, one test after the other.
/// Every rank runs every test.
@MainActor @Suite(.serialized, .enabled(if: Job.isLaunched, "cluster/local/test-mpi.sh runs these"))
struct MPIRankTests {
  @Test func isTheWorldThatWasLaunched() throws {
    try Job.run { communicator in
      #expect(communicator.size == Job.launch?.size ?? communicator.size)
      #expect(communicator.rank == Job.launch?.rank ?? communicator.rank)
      #expect(communicator.backend == MPIWorld.library && !communicator.backend.isEmpty)
      #expect(MPIWorld.threadLevel != "single")
    }
  }

  @Test func keepsTheContract() throws {
    // Again: memory and channels are used a second time.
    for _ in 0..<3 { try Job.run { try CommunicatorContract(communicator: $0).checkAll() } }
  }

  @Test func keepsTheContractInPieces() throws {
    try Job.run { communicator in
      defer { MPIWorld.setPiece(bytes: 1 << 28) }
      for bytes in [7, 4096] {
        MPIWorld.setPiece(bytes: bytes)
        try CommunicatorContract(communicator: communicator).checkAll()
      }
    }
  }

  /// One message of more bytes than an int counts, from rank 0 to rank 1.
  @Test(.enabled(if: Job.isAskedFor("PRECISE_TEST_LARGE"), "PRECISE_TEST_LARGE=1 asks for it; it takes 5 GiB"))
  func sendsMoreThanAnIntCounts() throws {
    try Job.run { communicator in
      let bytes = (1 << 31) + 11
      let large = try #require(malloc(bytes))
      defer { free(large) }
      let exchange = Exchange(ranks: communicator.size)
      if communicator.rank == 0 {
        fill(large, bytes)
        exchange.send[1] = Segment(large, bytes: bytes)
      } else if communicator.rank == 1 {
        memset(large, 0, bytes)
        exchange.receive[0] = Segment(large, bytes: bytes)
      }
      try communicator.start(exchange, on: Channels.prefetch, keeping: communicator)
      try communicator.wait(Channels.prefetch)
      if communicator.rank == 1 { #expect(isFilled(large, bytes)) }
    }
  }

  /// The first rank misses all others; they answer, but for the last, which says nothing until the first has found that out.
  @Test(.enabled(if: Job.ranks > 2, "needs three ranks")) func whoWaitsAnswersAndWhoIsSilentDoesNot() throws {
    try Job.run { communicator in
      let (exchange, last) = (Exchange(ranks: communicator.size), communicator.size - 1)
      try communicator.barrier()
      if communicator.rank == 0 {
        try communicator.start(exchange, on: Channels.prefetch, keeping: communicator)
        var silent: [Int] = []
        for _ in 0..<1000 where silent.isEmpty {
          _ = try communicator.poll(Channels.prefetch)
          silent = communicator.giveUp(on: Channels.prefetch)
          usleep(5000)
        }
        #expect(silent == [last])
      } else {
        for _ in 0..<400 {
          if communicator.rank != last { communicator.answerRollCall() }
          usleep(5000)
        }
        try communicator.start(exchange, on: Channels.prefetch, keeping: communicator)
      }
      try communicator.wait(Channels.prefetch)
      communicator.answerRollCall()
    }
  }

  @Test func aFailingCallIsAnErrorWithItsText() throws {
    try Job.run { communicator in
      let failure = #expect(throws: MPIError.self) {
        try communicator.send(.empty, to: communicator.size, on: Channels.prefetch)
      }
      #expect(failure?.call == "MPI_Isend" && failure?.rank == communicator.rank)
      #expect(failure?.text.lowercased().contains("rank") == true, "\(failure?.text ?? "")")
      #expect("\(try #require(failure))".hasPrefix("rank \(communicator.rank): MPI_Isend failed: "))
      _ = try communicator.poll(Channels.prefetch)
    }
  }

  /// Rank 0 sends 8 bytes to rank 1, which waits for another number of bytes.
  @Test(.enabled(if: Job.ranks > 1, "needs two ranks"), arguments: [4, 16])
  func aMessageOfAnotherLengthIsAnError(expected: Int) throws {
    try Job.run { communicator in
      let memory = UnsafeMutableRawPointer.allocate(byteCount: 16, alignment: 8)
      defer { memory.deallocate() }
      memory.initializeMemory(as: UInt8.self, repeating: 0, count: 16)
      let exchange = Exchange(ranks: communicator.size)
      if communicator.rank == 0 { exchange.send[1] = Segment(memory, bytes: 8) }
      if communicator.rank == 1 { exchange.receive[0] = Segment(memory, bytes: expected) }
      // A channel of its own: what is left of a failed exchange must not meet the next one.
      let channel = Channels.buckets + 100 + (expected == 4 ? 0 : 1)
      try communicator.start(exchange, on: channel, keeping: communicator)
      if communicator.rank == 1 {
        let failure = #expect(throws: MPIError.self) { try communicator.wait(channel) }
        #expect(failure?.call == "MPI_Testall" && failure?.text.isEmpty == false)
      } else {
        try communicator.wait(channel)
      }
      try communicator.barrier()
    }
  }

  /// What is under way is not written into memory that is freed: MPI does not end before it, and a rank that fails takes it back.
  @Test(.enabled(if: Job.ranks > 1, "needs two ranks")) func whatIsUnderWayIsFinishedOrTakenBack() throws {
    try Job.run { communicator in
      let memory = UnsafeMutableRawPointer.allocate(byteCount: 1 << 20, alignment: 64)
      defer { memory.deallocate() }
      memset(memory, 0, 1 << 20)
      // On the last rank alone: a receipt that nothing comes for.
      let exchange = Exchange(ranks: communicator.size)
      let channel = Channels.buckets + 110
      if communicator.rank == communicator.size - 1 {
        exchange.receive[0] = Segment(memory, bytes: 1 << 20)
        try communicator.start(exchange, on: channel, keeping: communicator)
        let failure = #expect(throws: MPIError.self) { try MPIWorld.stop() }
        #expect(failure?.text.contains("under way") == true && MPIWorld.isRunning)
        communicator.withdraw()
        #expect(try communicator.poll(channel))
      }
      try communicator.barrier()
      // Everybody's part of an exchange that nobody waits for: it is settled, and its numbers are there.
      let settled = Exchange(ranks: communicator.size)
      let numbers = UnsafeMutableBufferPointer<Int32>.allocate(capacity: communicator.size + 1)
      defer { numbers.deallocate() }
      numbers.initialize(repeating: -1)
      numbers[communicator.size] = Int32(communicator.rank)
      for other in 0..<communicator.size {
        settled.send[other] = Segment(numbers.baseAddress! + communicator.size, bytes: 4)
        settled.receive[other] = Segment(numbers.baseAddress! + other, bytes: 4)
      }
      try communicator.start(settled, on: channel + 1, keeping: communicator)
      try communicator.settle()
      #expect(Array(numbers.prefix(communicator.size)) == (0..<communicator.size).map { Int32($0) })
      try communicator.barrier()
    }
  }

  /// The script expects this run to end with a failure within seconds: the other ranks wait for one that is gone.
  @Test(.enabled(if: Job.isAskedFor("PRECISE_TEST_FAILURE") || Job.isAskedFor("PRECISE_TEST_KILL"), "either asks for it"))
  func aRankThatIsGoneEndsTheJob() throws {
    try Job.run { communicator in
      try communicator.barrier()
      if communicator.rank == communicator.size - 1 {
        if Job.isAskedFor("PRECISE_TEST_KILL") { kill(getpid(), SIGKILL) }
        throw Boom()
      }
      try communicator.barrier()
      Issue.record("rank \(communicator.rank) passed a barrier that another never reached")
    }
  }

  private struct Boom: Error {}

  private func fill(_ memory: UnsafeMutableRawPointer, _ bytes: Int) {
    for start in stride(from: 0, to: bytes, by: 1 << 20) {
      memset(memory + start, Int32(1 + start >> 20 % 251), min(1 << 20, bytes - start))
    }
  }

  private func isFilled(_ memory: UnsafeMutableRawPointer, _ bytes: Int) -> Bool {
    let expected = UnsafeMutableRawPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { expected.deallocate() }
    return stride(from: 0, to: bytes, by: 1 << 20).allSatisfy { start in
      memset(expected, Int32(1 + start >> 20 % 251), 1 << 20)
      return memcmp(memory + start, expected, min(1 << 20, bytes - start)) == 0
    }
  }
}

/// The job that this test process is a rank of.
@MainActor private enum Job {
  nonisolated static let launch = Launch.detect(ProcessInfo.processInfo.environment)
  nonisolated static var isLaunched: Bool { launch != nil }
  nonisolated static var ranks: Int { launch?.size ?? 1 }
  nonisolated static func isAskedFor(_ name: String) -> Bool { ProcessInfo.processInfo.environment[name] == "1" }

  private static var communicator: MPICommunicator?

  /// Runs a rank's part of a test; a rank that throws ends the job, because the others wait for it.
  static func run(_ body: (MPICommunicator) throws -> Void) throws {
    do {
      let communicator = try communicator ?? start()
      try body(communicator)
    } catch {
      FileHandle.standardError.write(Data("a rank of the test has failed: \(error)\n".utf8))
      MPIWorld.abort(1)
    }
  }

  private static func start() throws -> MPICommunicator {
    let made = try MPIWorld.start(try #require(launch))
    communicator = made
    atexit { try? MPIWorld.stop() }
    return made
  }
}
