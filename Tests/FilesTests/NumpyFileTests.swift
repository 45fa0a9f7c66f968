import Foundation
import TestSupport
import Testing

@testable import Files

/// NumPy arrays, sound and hostile.
struct NumpyFileTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// A file with this header, of a version, and some bytes behind it.
  private func file(_ header: String, data: [UInt8], version: UInt8 = 1) throws -> String {
    let length = header.utf8.count
    let lengthBytes = (0..<(version == 1 ? 2 : 4)).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }
    return try folder.write("a.npy", Data(NumpyFile.magic + [version, 0] + lengthBytes + Array(header.utf8) + data))
  }

  private func header(_ type: String, _ shape: String, fortran: String = "False") -> String {
    "{'descr': '\(type)', 'fortran_order': \(fortran), 'shape': \(shape), }\n"
  }

  private func message(_ header: String, data: [UInt8] = [], version: UInt8 = 1) throws -> String {
    let path = try file(header, data: data, version: version)
    let error = #expect(throws: InputError.self) { try NumpyFile(path: path) }
    #expect(error?.description.hasPrefix(path) == true)
    return error?.description ?? ""
  }

  @Test(arguments: [(1, "<f4", 4), (2, "<f8", 8), (3, "<f2", 2)])
  func readsEveryVersionAndType(version: UInt8, type: String, size: Int) throws {
    let path = try file(header(type, "(2, 3)"), data: (0..<UInt8(6 * size)).map { $0 }, version: version)
    let array = try NumpyFile(path: path)
    #expect(array.shape == [2, 3] && array.type.size == size && array.type.isFloatingPoint)
    #expect(Array(array.bytes) == (0..<UInt8(6 * size)).map { $0 })
  }

  @Test func readsKeysInAnyOrderAndNoExtents() throws {
    let path = try file(#"{"shape":(3,),"fortran_order":True,"descr":"<f2"}"#, data: [0, 0, 0, 0, 0, 0])
    #expect(try NumpyFile(path: path).shape == [3])
    #expect(try NumpyFile(path: file(header("<f4", "()"), data: [0, 0, 0, 0])).shape == [])
  }

  @Test func whatIsNoTableOfNumbersIsNamed() throws {
    #expect(try message(header("|O", "(2,)")).contains("Python objects, which are never read"))
    #expect(try message(header("<f4", "(2, 3)", fortran: "True"), data: Array(repeating: 0, count: 24)).contains("Fortran order"))
    #expect(try message(header(">f4", "(1,)"), data: [0, 0, 0, 0]).contains("\">f4\""))
    #expect(try message(header("<i8", "(1,)")).contains("\"<i8\""))
    #expect(try message("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }").contains("records"))
  }

  @Test func extentsAreHeldAgainstTheFile() throws {
    #expect(try message(header("<f4", "(2, 3)"), data: Array(repeating: 0, count: 20)).contains("24 bytes, but 20 follow"))
    #expect(try message(header("<f4", "(4611686018427387904, 4)")).contains("more than any file has"))
    #expect(try message(header("<f4", "(99999999999999999999, 1)")).contains("20 digits"))
    #expect(try message(header("<f4", "(0, 9223372036854775807)"), data: [1]).contains("but 1 follow"))
  }

  @Test(arguments: [
    "", "{", "{}", "[1]", "{'descr': '<f4'}", "{'descr': '<f4', 'fortran_order': False, 'shape': (1", "__import__('os')",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}", "{'descr': '<f4', 'fortran_order': False, 'shape': [1]}",
    "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x",
  ])
  func brokenHeadersAreOneSentence(header: String) throws {
    #expect(try message(header, data: [0, 0, 0, 0]).contains("header is broken"))
  }

  @Test func otherFilesAndVersionsAreRefused() throws {
    #expect(try message(header("<f4", "(1,)"), version: 9).contains("format version 9"))
    for bytes in [
      [], [0x93], NumpyFile.magic, NumpyFile.magic + [1, 0, 255, 255], NumpyFile.magic + [2, 0, 255, 255, 255, 255],
    ] {
      let path = try folder.write("b.npy", Data(bytes))
      #expect(throws: InputError.self) { try NumpyFile(path: path) }
    }
  }

  /// Cut anywhere and with any byte changed, a file is read or refused, and never past its end.
  @Test func noDamageIsReadPastTheEnd() throws {
    let whole = Array(
      try Data(contentsOf: URL(fileURLWithPath: file(header("<f4", "(2, 2)"), data: Array(repeating: 7, count: 16)))))
    for count in whole.indices {
      let path = try folder.write("c.npy", Data(whole[..<count]))
      #expect(throws: InputError.self) { try NumpyFile(path: path) }
    }
    for index in whole.indices {
      for value in [0, 0x27, 0x28, 0x39, 0xFF] as [UInt8] {
        var bytes = whole
        bytes[index] = value
        guard let array = try? NumpyFile(path: folder.write("d.npy", Data(bytes))) else { continue }
        #expect(array.shape.reduce(array.type.size, *) == array.bytes.count)
      }
    }
  }
}
