import Glibc
import Testing

@testable import Host

/// Memory that is there, and the sentence about memory that is not.
struct MemoryTests {
  private let purpose = MemoryPurpose("a test", remedy: "test less")

  @Test func zeroedBytesAreZeroAndWritable() {
    for bytes in [0, 1, 63, 64, 4097, 1 << 22] {
      let memory = UnsafeMutableRawBufferPointer(start: Memory.zeroed(bytes: bytes), count: bytes)
      #expect(memory.allSatisfy { $0 == 0 })
      memory.initializeMemory(as: UInt8.self, repeating: 7)
      memory.baseAddress?.assumingMemoryBound(to: UInt8.self).deinitialize(count: bytes)
      free(memory.baseAddress)
    }
  }

  @Test func theSentenceSaysHowMuchAndForWhat() {
    #expect(Memory.sentence(bytes: 512, for: purpose, limit: nil) == "precise: cannot allocate 512 B for a test; test less\n")
    let large = Memory.sentence(bytes: 1_300_000_000, for: purpose, limit: 409_600_000)
    #expect(
      large
        == "precise: cannot allocate 1.2 GiB for a test; test less, or raise the limit of 390.6 MiB on this process's address "
        + "space (ulimit -v)\n")
    #expect(Memory.sentence(bytes: .max, for: purpose, limit: nil).contains("7.9 EiB"))
  }

  @Test func bytesAreCountedInTheLargestUnitThatTheyFill() {
    let expected = [(1023, "1023 B"), (1024, "1.0 KiB"), (1535, "1.4 KiB"), (1 << 20, "1.0 MiB"), (3 << 29, "1.5 GiB")]
    for (bytes, text) in expected {
      #expect(Memory.sentence(bytes: bytes, for: purpose, limit: nil).contains(" \(text) "), "\(bytes)")
    }
  }

  @Test func aScopeGivesBackWhatWasSaidBefore() {
    struct Stop: Error {}
    let inner = MemoryPurpose("more", remedy: "less")
    #expect(Memory.current == nil)
    Memory.use(for: purpose) {
      #expect(Memory.current == "a test")
      #expect(throws: Stop.self) {
        try Memory.use(for: inner) {
          #expect(Memory.current == "more")
          throw Stop()
        }
      }
      #expect(Memory.current == "a test")
    }
    #expect(Memory.current == nil)
  }
}
