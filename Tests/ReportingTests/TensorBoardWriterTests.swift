import Foundation
import Testing

@testable import Files
@testable import Reporting

struct TensorBoardWriterTests {
  /// RFC 3720, appendix B.4, and the check value of the CRC catalogue.
  @Test func castagnoliVectors() {
    #expect(CRC32C.of([]) == 0)
    #expect(CRC32C.of(Array("123456789".utf8)) == 0xE306_9283)
    #expect(CRC32C.of([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(CRC32C.of([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
    #expect(CRC32C.of(0..<32) == 0x46DD_794E)
    #expect(CRC32C.of((0..<32).reversed()) == 0x113F_DB5C)
  }

  /// `5.0` under "a" at step 300, byte for byte from the field numbers of event.proto and summary.proto.
  @Test func anEventIsTheBytesOfItsMessage() throws {
    try withFolder { folder in
      let writer = try TensorBoardWriter(folder: folder, time: 1, host: "h")
      try writer.append(step: 300, [("a", 5)], time: 2)
      let records = try framed(writer.path)
      let time = { (seconds: Double) in [0x09] + withUnsafeBytes(of: seconds.bitPattern.littleEndian) { Array($0) } }
      #expect(records.count == 2)
      #expect(records.first == time(1) + [0x1A, 13] + Array("brain.Event:2".utf8))
      #expect(records.last == time(2) + [0x10, 0xAC, 0x02, 0x2A, 10, 0x0A, 8, 0x0A, 1, 0x61, 0x15, 0, 0, 0xA0, 0x40])
    }
  }

  /// The bytes are those that TensorBoard's own messages (plugin_data.proto, summary.proto) serialize to.
  @Test func settingsAreTheBytesOfTheirMessages() throws {
    try withFolder { folder in
      let writer = try TensorBoardWriter(folder: folder, time: 1, host: "h")
      try writer.append(settings: [("seed", "1")], group: "run", time: 2)
      try writer.appendEnd(time: 3)
      let records = try framed(writer.path)
      let two: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 64]
      let start: [UInt8] =
        [9] + two + [42, 82, 10, 80, 10, 28] + Array("_hparams_/session_start_info".utf8) + [74, 48, 10, 46, 10, 7]
        + Array("hparams".utf8) + [18, 35, 26, 33, 10, 17, 10, 4] + Array("seed".utf8)
        + [18, 9, 17, 0, 0, 0, 0, 0, 0, 240, 63, 34, 3] + Array("run".utf8) + [41] + two
      let three: [UInt8] = [0, 0, 0, 0, 0, 0, 8, 64]
      let end: [UInt8] =
        [9] + three + [42, 58, 10, 56, 10, 26] + Array("_hparams_/session_end_info".utf8) + [74, 26, 10, 24, 10, 7]
        + Array("hparams".utf8) + [18, 13, 34, 11, 8, 1, 17] + three
      #expect(records.count == 3 && records[1] == start && records[2] == end)
      // The next start writes its own.
      try TensorBoardFile.keep(folder: folder, phases: ["universal"]) { _ in true }
      #expect(try framed(writer.path) == [records[0]])
    }
  }

  @Test func aNameIsNeverUsedTwice() throws {
    try withFolder { folder in
      let first = try TensorBoardWriter(folder: folder, time: 7.9, host: "h").path
      let second = try TensorBoardWriter(folder: folder, time: 7.9, host: "h").path
      #expect(first == folder + "/events.out.tfevents.7.h")
      #expect(second == folder + "/events.out.tfevents.7.h.1")
    }
    #expect(throws: InputError.self) { try TensorBoardWriter(folder: "/nowhere") }
  }

  @Test func eventsOfStepsThatAreMadeAgainGo() throws {
    try withFolder { folder in
      let writer = try TensorBoardWriter(folder: folder, time: 1, host: "h")
      for step in 1...4 {
        try writer.append(step: step, [("universal/loss", 1), ("universal/grad_norm", 2)], time: 2)
        try writer.append(step: step, [("like/loss", 1)], time: 2)
      }
      try writer.append(step: 2, [("like/validation/mrr", 1)], time: 2)
      let whole = try framed(writer.path)
      let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: writer.path))
      try handle.seekToEnd()
      // Of a process that was killed while it wrote.
      try handle.write(contentsOf: Data([40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]))
      try TensorBoardFile.keep(folder: folder, phases: ["universal", "like"]) { _ in true }
      #expect(try framed(writer.path) == whole)
      var asked: [String] = []
      try TensorBoardFile.keep(folder: folder, phases: ["universal", "like"]) { position in
        asked.append("\(position.phase) \(position.step)\(position.isEvaluation ? " evaluated" : "")")
        return position.phase == "universal" || position.step < 2 || position.isEvaluation
      }
      #expect(asked == (1...4).flatMap { ["universal \($0)", "like \($0)"] } + ["like 2 evaluated"])
      #expect(try framed(writer.path) == [0, 1, 2, 3, 5, 7, 9].map { whole[$0] })
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 1)
    }
  }

  @Test func anEventFileIsHostileUntilRead() throws {
    try withFolder { folder in
      let path = folder + "/events.out.tfevents.1.h"
      var record = Data(repeating: 0xFF, count: 8)
      record.append(contentsOf: withUnsafeBytes(of: CRC32C.masked(Array(record)).littleEndian) { Array($0) })
      for bytes in [record + Data(count: 40), Data(repeating: 0xFF, count: 15), Data(count: 64)] {
        try bytes.write(to: URL(fileURLWithPath: path))
        try TensorBoardFile.keep(folder: folder, phases: ["universal"]) { _ in true }
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)).isEmpty)
      }
    }
  }

  /// The records of a file, each checked against both of its checksums.
  private func framed(_ path: String) throws -> [[UInt8]] {
    var rest = Array(try Data(contentsOf: URL(fileURLWithPath: path)))[...]
    var records: [[UInt8]] = []
    func number(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) } }
    while !rest.isEmpty {
      let length = rest.prefix(8)
      let data = rest.dropFirst(12).prefix(Int(number(length)))
      #expect(number(rest.dropFirst(8).prefix(4)) == UInt64(CRC32C.masked(length)))
      rest = rest.dropFirst(12 + data.count)
      #expect(number(rest.prefix(4)) == UInt64(CRC32C.masked(data)))
      rest = rest.dropFirst(4)
      records.append(Array(data))
    }
    return records
  }
}
