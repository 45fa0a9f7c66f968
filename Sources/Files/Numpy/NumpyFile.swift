/// A NumPy array of floating-point numbers (`.npy`), memory-mapped and checked when opened.
///
/// Format versions 1 to 3 (numpy.lib.format): a magic number, the header's length, and a header that is a printed Python dictionary. It
/// is read as data by a reader that knows the three keys and nothing else; arrays of Python objects, which are pickles, are refused.
/// Float16, float32 and float64, little-endian, in C order.
package final class NumpyFile: Sendable {
  /// The file's path, as given.
  package let path: String
  /// The array's extents.
  package let shape: [Int]
  /// The type of an element: F16, F32 or F64.
  package let type: ElementType
  private let file: MappedFile
  private let dataStart: Int
  /// What every such file begins with.
  package static let magic: [UInt8] = [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]
  /// NumPy's own headers have some hundred bytes; a longer one is damage (ours).
  static let longestHeader = 1 << 16

  /// Maps and checks a file.
  ///
  /// - Throws: `InputError` naming the file and what is wrong with it.
  package init(path: String) throws {
    self.path = path
    file = try MappedFile(path: path)
    do {
      let bytes = file.bytes
      let range = try Self.headerRange(bytes)
      dataStart = range.upperBound
      var reader = NumpyHeader(UnsafeRawBufferPointer(rebasing: bytes[range]))
      (type, shape) = try reader.read()
      try Self.check(shape, type, dataBytes: bytes.count - range.upperBound)
    } catch let error as InputError {
      throw InputError("\(path) is not a usable NumPy file: \(error)")
    }
  }

  /// The elements, row-major and little-endian, of any alignment; valid as long as this object lives.
  package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: file.bytes[dataStart...]) }

  /// Takes bytes that were read out of this process's memory; they stay readable, from the file again.
  package func forget(_ bytes: UnsafeRawBufferPointer) { file.forget(bytes) }

  private static func headerRange(_ bytes: UnsafeRawBufferPointer) throws -> Range<Int> {
    guard bytes.count >= 10, bytes.starts(with: magic) else {
      throw InputError("it does not begin with NumPy's magic number; write it with numpy.save")
    }
    guard (1...3).contains(bytes[6]) else {
      throw InputError("it has format version \(bytes[6]), and 1 to 3 are read; write it with numpy.save")
    }
    let (start, length): (Int, Int)
    if bytes[6] == 1 {
      (start, length) = (10, Int(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt16.self))))
    } else {
      guard bytes.count >= 12 else { throw InputError("it is cut short; fetch or make it again") }
      (start, length) = (12, Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self))))
    }
    guard length <= longestHeader, length <= bytes.count - start else {
      throw InputError(
        "its header claims \(length) bytes, but \(min(bytes.count - start, longestHeader)) is the most it can have")
    }
    return start..<start + length
  }

  /// Holds the extents against the bytes that are there; no product of hostile extents may overflow.
  private static func check(_ shape: [Int], _ type: ElementType, dataBytes: Int) throws {
    var wanted = type.size
    for extent in shape {
      let (product, isOver) = wanted.multipliedReportingOverflow(by: extent)
      guard !isOver else { throw InputError("its header claims the extents \(shape), more than any file has") }
      wanted = product
    }
    guard wanted == dataBytes else {
      throw InputError(
        "its header claims the extents \(shape), \(wanted) bytes, but \(dataBytes) follow; write it again with numpy.save")
    }
  }
}

/// Reads the header of a NumPy file: `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`, keys in any order.
private struct NumpyHeader {
  private let bytes: UnsafeRawBufferPointer
  private var index = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  mutating func read() throws -> (ElementType, [Int]) {
    var (type, shape, isFortran): (ElementType?, [Int]?, Bool?)
    try expect("{")
    while !take("}") {
      let key = try string()
      try expect(":")
      switch key {
      case "descr" where type == nil: type = try elementType()
      case "fortran_order" where isFortran == nil: isFortran = try flag()
      case "shape" where shape == nil: shape = try extents()
      default: throw broken
      }
      if !take(",") {
        try expect("}")
        break
      }
    }
    skipSpace()
    guard index == bytes.count, let type, let shape, let isFortran else { throw broken }
    guard !isFortran || shape.count < 2 else {
      throw InputError("it is in Fortran order; write numpy.ascontiguousarray(array) instead")
    }
    return (type, shape)
  }

  private mutating func elementType() throws -> ElementType {
    skipSpace()
    // A list describes records.
    guard peek == 0x27 || peek == 0x22 else { throw InputError("it has records, not numbers; write one float array") }
    let name = try string()
    switch name {
    case "<f2", "=f2": return .f16
    case "<f4", "=f4": return .f32
    case "<f8", "=f8": return .f64
    default:
      guard !name.hasSuffix("O") else {
        throw InputError("it has Python objects, which are never read; write numpy.stack(list(array)).astype(\"float32\")")
      }
      throw InputError("it has elements of type \"\(printable(String(name.prefix(16))))\"; write array.astype(\"float32\")")
    }
  }

  private mutating func flag() throws -> Bool {
    skipSpace()
    for (word, value) in [("True", true), ("False", false)] where bytes[index...].starts(with: word.utf8) {
      index += word.utf8.count
      return value
    }
    throw broken
  }

  private mutating func extents() throws -> [Int] {
    try expect("(")
    var extents: [Int] = []
    while !take(")") {
      skipSpace()
      let digits = bytes[index...].prefix { $0 &- 0x30 < 10 }
      guard !digits.isEmpty, extents.count < 32 else { throw broken }
      guard let extent = Int(String(decoding: digits, as: UTF8.self)) else {
        throw InputError("its header claims an extent of \(digits.count) digits, more than any file has")
      }
      extents.append(extent)
      index += digits.count
      if !take(",") {
        try expect(")")
        break
      }
    }
    return extents
  }

  /// A string without escapes, which none of these has.
  private mutating func string() throws -> String {
    skipSpace()
    guard let quote = peek, quote == 0x27 || quote == 0x22 else { throw broken }
    let text = bytes[(index + 1)...].prefix { $0 != quote && $0 != 0x5C && $0 >= 0x20 }
    guard text.endIndex < bytes.count, bytes[text.endIndex] == quote else { throw broken }
    index = text.endIndex + 1
    return String(decoding: text, as: UTF8.self)
  }

  private var peek: UInt8? { index < bytes.count ? bytes[index] : nil }

  private mutating func take(_ letter: Unicode.Scalar) -> Bool {
    skipSpace()
    guard peek == UInt8(ascii: letter) else { return false }
    index += 1
    return true
  }

  private mutating func expect(_ letter: Unicode.Scalar) throws {
    guard take(letter) else { throw broken }
  }

  private mutating func skipSpace() { while let byte = peek, byte == 0x20 || byte == 0x0A { index += 1 } }

  private var broken: InputError { InputError("its header is broken at byte \(index + 1); write it again with numpy.save") }
}
