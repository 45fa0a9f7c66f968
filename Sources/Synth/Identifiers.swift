/// Ids as a letter and a number of fixed width, counted from 1: `u0001`.
struct Identifiers {
  private let prefix: UInt8
  private let width: Int

  init(_ prefix: Unicode.Scalar, count: Int) {
    self.prefix = UInt8(ascii: prefix)
    width = String(count).utf8.count
  }

  func append(_ index: Int, to buffer: inout [UInt8]) {
    buffer.append(prefix)
    Self.append(number: index + 1, width: width, to: &buffer)
  }

  /// Appends a number that is not negative, with zeros in front up to a width.
  static func append(number: Int, width: Int, to buffer: inout [UInt8]) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
      var rest = UInt(number)
      var first = 20
      repeat {
        first -= 1
        digits[first] = UInt8(ascii: "0") + UInt8(rest % 10)
        rest /= 10
      } while rest > 0 || 20 - first < width
      buffer.append(contentsOf: digits[first..<20])
    }
  }
}
