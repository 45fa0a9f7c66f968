import Foundation
import TestSupport
import Testing

@testable import Files

/// Hand-made safetensors files, most of them wrong in one way.
struct SafetensorsFileTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  /// Writes a file of the given header and data; `length` overrides the header's stated length.
  private func file(_ header: String, data: [UInt8] = [], length: UInt64? = nil) throws -> String {
    var bytes = withUnsafeBytes(of: (length ?? UInt64(header.utf8.count)).littleEndian) { Array($0) }
    bytes += Array(header.utf8) + data
    return try folder.write("x.safetensors", Data(bytes))
  }

  private func fault(_ path: String) -> String? {
    do {
      _ = try SafetensorsFile(path: path)
      return nil
    } catch {
      return (error as? InputError)?.description ?? "not an InputError: \(error)"
    }
  }

  @Test func readsTensorsAndMetadata() throws {
    let header =
      #" { "__metadata__" : {"form\u0061t":"pt \"\ud83d\ude00\""}, "a":{"dtype":"U16","shape":[2,1],"data_offsets":[0,4]},"#
      + #""e":{"data_offsets":[4,4],"shape":[0,7],"dtype":"F64"},"s":{"dtype":"I8","shape":[],"data_offsets":[6,7]}}  "#
    let file = try SafetensorsFile(path: try file(header, data: [1, 0, 2, 1, 9, 9, 0xFF, 9]))
    #expect(file.metadata == ["format": "pt \"😀\""])
    #expect(Array(try file.values("a", as: UInt16.self, .u16, shape: [2, nil])) == [1, 258])
    #expect(file.tensors["a"]?.shape == [2, 1])
    #expect(file.tensors["a"]?.count == 2)
    #expect(try file.values("e", as: Double.self, .f64, shape: [nil, 7]).isEmpty)
    #expect(Array(try file.values("s", as: Int8.self, .i8, shape: [])) == [-1])
    #expect(file.tensors.count == 3)
  }

  @Test func copiesUnalignedData() throws {
    let header = #"{"x":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}}"#
    for padding in 0..<4 {
      let padded = header + String(repeating: " ", count: padding)
      let file = try SafetensorsFile(path: try file(padded, data: [7, 0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0]))
      let values = try file.values("x", as: Float.self, .f32, shape: [2])
      #expect(Array(values) == [1, -2])
      #expect(Array(try file.values("x", as: Float.self, .f32, shape: [2])) == [1, -2])
      #expect(try file.floats("x", shape: [2]) == [1, -2])
    }
  }

  @Test func lendsValuesForACall() throws {
    let path = try file(#"{"x":{"dtype":"I32","shape":[2],"data_offsets":[0,8]}}"#, data: [1, 0, 0, 0, 2, 0, 0, 0])
    let sum = try SafetensorsFile(path: path).withValues("x", as: Int32.self, .i32, shape: [2]) { $0.reduce(0, +) }
    #expect(sum == 3)
  }

  @Test func namesCannotSteerATerminal() throws {
    let name = #"a\u001b[2J\u009b31m\u0007b"#
    let twice = try file(#"{"\#(name)":{"dtype":"I8","shape":[0],"data_offsets":[0,0],"\#(name)":1}}"#)
    #expect(fault(twice)?.contains("a\u{FFFD}[2J\u{FFFD}31m\u{FFFD}b") == true)
    let sound = try SafetensorsFile(path: try file(#"{"\#(name)":{"dtype":"I8","shape":[0],"data_offsets":[0,0]}}"#))
    let error = #expect(throws: InputError.self) { try sound.bytes("other") }
    #expect(error?.description.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) } == true)
  }

  @Test func aLongNameDoesNotFillATerminal() throws {
    let name = String(repeating: "x", count: 1 << 20)
    let path = try file(#"{"\#(name)":{"dtype":"I8","shape":[0],"data_offsets":[0,7]}}"#)
    let sentence = fault(path) ?? ""
    #expect(sentence.count < 2_100 && sentence.hasPrefix(path) && sentence.hasSuffix("bytes of data"))
  }

  @Test func refusesWrongRequests() throws {
    let file = try SafetensorsFile(
      path: try file(#"{"x":{"dtype":"I32","shape":[1,2],"data_offsets":[0,8]}}"#, data: Array(0..<8)))
    #expect(throws: InputError.self) { try file.bytes("y") }
    #expect(throws: InputError.self) { try file.values("x", as: Float.self, .f32, shape: [1, 2]) }
    #expect(throws: InputError.self) { try file.values("x", as: Int32.self, .i32, shape: [2]) }
    #expect(throws: InputError.self) { try file.values("x", as: Int32.self, .i32, shape: [2, nil]) }
    #expect(throws: InputError.self) { try file.floats("x", shape: [1, 2]) }
  }

  @Test(arguments: [
    (#"{"x":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}"#, "do not lie within"),
    (#"{"x":{"dtype":"F32","shape":[1],"data_offsets":[6,10]}}"#, "do not lie within"),
    (#"{"x":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, "do not lie within"),
    (#"{"x":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}"#, "do not lie within"),
    (#"{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}"#, "more than the 2 numbers"),
    (#"{"x":{"dtype":"F32","shape":[1],"data_offsets":[4]}}"#, "do not lie within"),
    (#"{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, "needs 8"),
    (#"{"x":{"dtype":"F32","shape":[],"data_offsets":[0,8]}}"#, "needs 4"),
    (#"{"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, "negative or too large"),
    (#"{"x":{"dtype":"F32","shape":[-1,-1],"data_offsets":[0,4]}}"#, "negative or too large"),
    (#"{"x":{"dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,4]}}"#, "negative or too large"),
    (#"{"x":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}"#, "negative or too large"),
    (#"{"x":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}}"#, "64 bits"),
    (#"{"x":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}"#, "expected"),
    (#"{"x":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}}"#, "more than the 8 numbers"),
    (#"{"x":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}}"#, "unknown type"),
    (#"{"x":{"dtype":4,"shape":[1],"data_offsets":[0,4]}}"#, "expected"),
    (#"{"x":{"dtype":"F32","shape":[1]}}"#, "needs all of"),
    (#"{"x":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, "stands twice"),
    (#"{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"y":[1]}}"#, "unknown"),
    (#"{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"x":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#, "twice"),
    (#"{"x":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"y":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}"#, "overlap"),
    (#"{"y":{"dtype":"U8","shape":[1],"data_offsets":[2,3]},"x":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}}"#, "overlap"),
    (#"{"__metadata__":{"a":"1","a":"2"}}"#, "twice"),
    (#"{"__metadata__":{},"__metadata__":{}}"#, "twice"),
    (#"{"__metadata__":{"a":1}}"#, "expected"),
    (#"[]"#, "expected"),
    (#""#, "expected"),
    (#"{"x"#, "no end"),
    (#"{"\q":{}}"#, "unknown escape"),
    (#"{"\ud800":{}}"#, "surrogate"),
    (#"{"\u00+1":{}}"#, "hexadecimal"),
    (#"{} {}"#, "follows"),
    (#"{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},}"#, "expected"),
  ])
  func refusesHostileHeader(header: String, reason: String) throws {
    let fault = fault(try file(header, data: Array(0..<8)))
    #expect(fault?.contains(reason) == true, "\(header): \(fault ?? "accepted")")
    #expect(fault?.contains("x.safetensors") == true)
  }

  @Test func refusesHostileLengths() throws {
    for length: UInt64 in [3, 11, 12, 100_000_001, 1 << 40, 1 << 63, .max, .max - 7] {
      #expect(fault(try file("{}", data: Array(0..<8), length: length)) != nil)
    }
  }

  @Test func refusesTruncatedFiles() throws {
    let header = #"{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#
    let whole = try Data(contentsOf: URL(fileURLWithPath: try file(header, data: Array(0..<8))))
    for count in 0..<whole.count {
      #expect(fault(try folder.write("x.safetensors", whole.prefix(count))) != nil)
    }
    #expect(fault(try folder.write("x.safetensors", whole)) == nil)
  }

  @Test func refusesFoldersAndMissingFiles() throws {
    #expect(fault(folder.path)?.contains(folder.path) == true)
    #expect(fault(folder.file("absent"))?.contains("absent") == true)
  }

  @Test func refusesTextThatIsNotUTF8() throws {
    let header = Array(#"{"x":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}"#.utf8)
    for (position, byte) in [(2, 0xFF), (2, 0x0A)] as [(Int, UInt8)] {
      var bytes = header
      bytes[position] = byte
      let length = withUnsafeBytes(of: UInt64(bytes.count).littleEndian) { Array($0) }
      #expect(fault(try folder.write("x.safetensors", Data(length + bytes + [1]))) != nil)
    }
  }
}
