/// Where a safetensors file's header and tensors lie, the tensors one behind the other in the order they were announced.
///
/// The data section starts on a multiple of 8 bytes.
package struct SafetensorsLayout: Sendable {
  /// The header with its length in front, padded with spaces to a multiple of 8 bytes.
  package let header: [UInt8]
  /// Where each tensor begins, in bytes from the start of the file.
  package let starts: [Int]
  /// The file's size in bytes.
  package let size: Int

  /// Lays a file out.
  ///
  /// - Parameters:
  ///   - tensors: What the file has, in this order; names must differ.
  ///   - metadata: Free text entries for the header.
  package init(tensors: [TensorSpec], metadata: [String: String]) {
    precondition(Set(tensors.map(\.name)).count == tensors.count, "tensor names repeat: \(tensors.map(\.name))")
    precondition(!tensors.contains { $0.name == "__metadata__" }, "a tensor cannot be named __metadata__")
    var members: [String] = []
    if !metadata.isEmpty {
      let entries = metadata.sorted { $0.key < $1.key }.map { "\(Self.quoted($0.key)):\(Self.quoted($0.value))" }
      members.append("\"__metadata__\":{\(entries.joined(separator: ","))}")
    }
    var offset = 0
    var starts: [Int] = []
    for tensor in tensors {
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      let end = offset + tensor.byteCount
      members.append(
        "\(Self.quoted(tensor.name)):{\"dtype\":\"\(tensor.type.rawValue)\",\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}"
      )
      starts.append(offset)
      offset = end
    }
    var header = Array("{\(members.joined(separator: ","))}".utf8)
    header.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - header.count % 8) % 8))
    let whole = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) } + header
    self.header = whole
    self.starts = starts.map { whole.count + $0 }
    size = whole.count + offset
  }

  /// A JSON string literal.
  private static func quoted(_ text: String) -> String {
    var literal = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": literal += "\\\(scalar)"
      case "\u{0}"..<" ":
        let digits = String(scalar.value, radix: 16)
        literal += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: literal.unicodeScalars.append(scalar)
      }
    }
    return literal + "\""
  }
}

/// A tensor to be written: its name, type and shape.
package struct TensorSpec: Sendable, Equatable {
  /// The tensor's name, unique in its file.
  package let name: String
  /// The element type to store.
  package let type: ElementType
  /// The extents, outermost first; empty for a scalar.
  package let shape: [Int]
  /// Bytes of the whole tensor.
  package let byteCount: Int

  /// Describes a tensor; traps on a negative extent or a size beyond 2^63 bytes.
  package init(_ name: String, _ type: ElementType, _ shape: [Int]) {
    guard let byteCount = Self.byteCount(type, shape) else {
      preconditionFailure("tensor \(name): \(type.rawValue) \(shape) has no valid size")
    }
    self.name = name
    self.type = type
    self.shape = shape
    self.byteCount = byteCount
  }

  /// Bytes of a tensor, or nil where an extent is negative or the product overflows.
  static func byteCount(_ type: ElementType, _ shape: [Int]) -> Int? {
    var bytes = type.size
    for extent in shape {
      guard extent >= 0 else { return nil }
      let product = bytes.multipliedReportingOverflow(by: extent)
      guard !product.overflow else { return nil }
      bytes = product.partialValue
    }
    return bytes
  }
}
