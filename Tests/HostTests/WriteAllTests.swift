import Glibc
import Host
import Testing

/// All bytes or the reason why not, and how many before it.
struct WriteAllTests {
  /// A pipe whose ends are closed in the end, unless a test has closed one.
  private func withPipe(_ body: (_ reading: Int32, _ writing: Int32) throws -> Void) throws {
    var ends: [Int32] = [-1, -1]
    try #require(pipe(&ends) == 0)
    defer { for end in ends { close(end) } }
    try body(ends[0], ends[1])
  }

  @Test func everyByteArrives() throws {
    try withPipe { reading, writing in
      #expect(writeAll("zwei Wörter\n", to: writing) == .init(count: 13, code: 0))
      #expect(writeAll("", to: writing).isWhole)
      var bytes = [UInt8](repeating: 0, count: 64)
      let count = read(reading, &bytes, bytes.count)
      #expect(String(decoding: bytes.prefix(max(0, count)), as: UTF8.self) == "zwei Wörter\n")
    }
  }

  @Test func aFullDiskTakesNothing() throws {
    let descriptor = open("/dev/full", O_WRONLY)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    let outcome = writeAll("x", to: descriptor)
    #expect(outcome == .init(count: 0, code: ENOSPC) && systemReason(outcome.code) == "No space left on device")
  }

  /// A pipe that nobody reads takes what it has room for.
  @Test func whatWasTakenBeforeAnErrorIsCounted() throws {
    try withPipe { _, writing in
      try #require(fcntl(writing, F_SETFL, O_NONBLOCK) == 0)
      let bytes = [UInt8](repeating: 1, count: 1 << 21)
      let outcome = bytes.withUnsafeBytes { writeAll($0, to: writing) }
      #expect(outcome.code == EAGAIN && (1..<bytes.count).contains(outcome.count) && !outcome.isWhole)
    }
  }
}
