import Foundation
import TestSupport
import Testing

@testable import Files

struct SafetensorsWriterTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func write(_ path: String) throws -> UInt32 {
    var writer = try SafetensorsWriter(
      path: path, tensors: [TensorSpec("offsets", .i64, [3]), TensorSpec("none", .f32, [0, 4]), TensorSpec("a\"b\n", .u8, [3])],
      metadata: ["z": "tab\t", "a": "\\é"])
    try writer.write([0, 1] as [Int64])
    try writer.write([Int64.min])
    try writer.write([Float]())
    try writer.write([5, 6, 7] as [UInt8])
    return try writer.finish()
  }

  @Test func readsBackWhatItWrote() throws {
    let path = folder.file("out.safetensors")
    let checksum = try write(path)
    let file = try SafetensorsFile(path: path)
    #expect(Array(try file.values("offsets", as: Int64.self, .i64, shape: [3])) == [0, 1, .min])
    #expect(file.tensors["none"]?.shape == [0, 4])
    #expect(Array(try file.bytes("a\"b\n")) == [5, 6, 7])
    #expect(file.metadata == ["z": "tab\t", "a": "\\é"])
    #expect(file.tensors["offsets"].map { $0.byteRange.lowerBound % 8 } == 0)
    let whole = try MappedFile(path: path)
    #expect(CRC32.of(whole.bytes) == checksum)
  }

  @Test func sameTensorsGiveSameBytes() throws {
    _ = try write(folder.file("one"))
    _ = try write(folder.file("two"))
    let one = try Data(contentsOf: URL(fileURLWithPath: folder.file("one")))
    #expect(try one == Data(contentsOf: URL(fileURLWithPath: folder.file("two"))))
  }

  @Test func pastTheCacheBytesAndChecksumAreTheSame() throws {
    let values = (0..<3_000_000).map { Float($0) }
    var checksums: [UInt32] = []
    for (name, bypasses) in [("one", false), ("two", true)] {
      var writer = try SafetensorsWriter(
        path: folder.file(name), tensors: [TensorSpec("x", .f32, [values.count])], bypassesCache: bypasses)
      for start in stride(from: 0, to: values.count, by: 700_000) {
        try writer.write(Array(values[start..<min(start + 700_000, values.count)]))
      }
      checksums.append(try writer.finish())
    }
    let one = try Data(contentsOf: URL(fileURLWithPath: folder.file("one")))
    #expect(try one == Data(contentsOf: URL(fileURLWithPath: folder.file("two"))))
    #expect(try checksums == Array(repeating: CRC32.of(file: folder.file("two")), count: 2))
  }

  @Test func nothingStandsUnderTheNameBeforeTheEnd() throws {
    let path = folder.file("out.safetensors")
    do {
      var writer = try SafetensorsWriter(path: path, tensors: [TensorSpec("x", .u8, [1 << 20])])
      try writer.write([UInt8](repeating: 1, count: 1 << 20))
      #expect(!FileManager.default.fileExists(atPath: path))
    }
    #expect(try folder.names() == [])
  }

  @Test func overrunAndShortfallTrap() async {
    let path = folder.file("out")
    // A throw would end the process with an exit code, a trap ends it by a signal.
    let overrun = await #expect(processExitsWith: .failure, observing: [\.exitStatus]) { [path = path as String] in
      var writer = try SafetensorsWriter(path: path, tensors: [TensorSpec("x", .u8, [2])])
      try writer.write([1, 2, 3] as [UInt8])
    }
    #expect(overrun.map { Self.isSignal($0.exitStatus) } == true)
    let shortfall = await #expect(processExitsWith: .failure, observing: [\.exitStatus]) { [path = path as String] in
      var writer = try SafetensorsWriter(path: path, tensors: [TensorSpec("x", .u8, [2])])
      try writer.write([1] as [UInt8])
      try writer.finish()
    }
    #expect(shortfall.map { Self.isSignal($0.exitStatus) } == true)
  }

  private static func isSignal(_ status: ExitStatus) -> Bool {
    if case .signal = status { true } else { false }
  }

  @Test func refusesAFolderThatIsNotThere() {
    #expect(throws: InputError.self) {
      _ = try SafetensorsWriter(path: folder.file("absent/out"), tensors: []).finish()
    }
  }
}
