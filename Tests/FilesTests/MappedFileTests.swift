import Files
import Foundation
import TestSupport
import Testing

@Suite struct MappedFileTests {
  @Test func mapsEveryByte() throws {
    let folder = try TemporaryFolder()
    let data = Data((0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
    let file = try MappedFile(path: try folder.write("a", data))
    #expect(file.withBytes { Data($0) } == data)
    #expect(file.count == data.count)
  }

  @Test func bytesStayMappedForTheWholeCall() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("a", Data(repeating: 7, count: 1 << 20))
    // Nothing else holds the object: were it gone when `body` runs, the sum would read unmapped memory.
    let sum = try MappedFile(path: path).withBytes { bytes in
      (0..<8).reduce(0) { sum, _ in sum + bytes.reduce(0) { $0 + Int($1) } }
    }
    #expect(sum == 8 * 7 << 20)
  }

  @Test func emptyFileIsAnEmptyBuffer() throws {
    let folder = try TemporaryFolder()
    #expect(try MappedFile(path: try folder.write("empty", "")).bytes.isEmpty)
  }

  @Test func refusesWhatIsNoFile() throws {
    let folder = try TemporaryFolder()
    #expect(throws: InputError("\(folder.path) is a folder; a file is wanted here")) { try MappedFile(path: folder.path) }
    #expect(throws: InputError("cannot open \(folder.path)/none: No such file or directory; is the path right?")) {
      try MappedFile(path: folder.file("none"))
    }
    mkfifo(folder.file("pipe"), 0o600)
    #expect(throws: InputError.self) { try MappedFile(path: folder.file("pipe")) }
  }
}
