import Files
import Glibc

/// A list of strings stored as one run of bytes with offsets, and the order in which their bytes sort.
///
/// Views into a mapped file: valid while its `SafetensorsFile` lives.
struct StringTable {
  /// Byte offsets, one more than there are strings.
  let offsets: UnsafeBufferPointer<Int64>
  let bytes: UnsafeBufferPointer<UInt8>
  /// String numbers in bytewise order of the strings; empty when the table is not searched.
  let sorted: UnsafeBufferPointer<Int32>

  /// Reads and checks `<name>_offsets`, `<name>_bytes` and, when asked for, `<name>_sorted`.
  init(_ file: SafetensorsFile, _ name: String, count: Int, isSearched: Bool) throws {
    offsets = try file.values("\(name)_offsets", as: Int64.self, .i64, shape: [count + 1])
    bytes = try file.values("\(name)_bytes", as: UInt8.self, .u8, shape: [nil])
    try checkOffsets(offsets, end: bytes.count, "\(name)_offsets", in: file.path)
    guard isSearched else {
      sorted = UnsafeBufferPointer(start: nil, count: 0)
      return
    }
    sorted = try file.values("\(name)_sorted", as: Int32.self, .i32, shape: [count])
    try checkBelow(sorted, count, "\(name)_sorted", in: file.path)
  }

  var count: Int { offsets.count - 1 }

  subscript(index: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes[Int(offsets[index])..<Int(offsets[index + 1])]))
  }

  func string(_ index: Int) -> String { String(decoding: self[index], as: UTF8.self) }

  /// The number of the string with these bytes, by binary search.
  func find(_ wanted: String) -> Int? {
    var wanted = wanted
    return wanted.withUTF8 { wanted in
      let wanted = UnsafeRawBufferPointer(wanted)
      var range = 0..<sorted.count
      while !range.isEmpty {
        let middle = range.lowerBound + range.count / 2
        let order = compareBytes(self[Int(sorted[middle])], wanted)
        if order == 0 { return Int(sorted[middle]) }
        range = order < 0 ? middle + 1..<range.upperBound : range.lowerBound..<middle
      }
      return nil
    }
  }
}

/// Bytewise order of two buffers: negative, 0 or positive; a prefix sorts before what it begins.
package func compareBytes(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int {
  if let first = left.baseAddress, let second = right.baseAddress {
    let order = memcmp(first, second, min(left.count, right.count))
    if order != 0 { return Int(order) }
  }
  return left.count - right.count
}

/// Throws `InputError` unless the offsets begin at 0, never fall and end at `end`.
func checkOffsets(_ offsets: UnsafeBufferPointer<Int64>, end: Int, _ name: String, in path: String) throws {
  var isRising = offsets.first == 0 && offsets.last == Int64(end)
  for index in 1..<max(1, offsets.count) where offsets[index] < offsets[index - 1] { isRising = false }
  guard isRising else { throw InputError("\(path): \(name) does not rise from 0 to \(end); make the data set again") }
}

/// Throws `InputError` unless every value is in `0..<bound`.
func checkBelow<T: FixedWidthInteger>(_ values: UnsafeBufferPointer<T>, _ bound: Int, _ name: String, in path: String) throws {
  var (least, greatest) = (T.max, T.min)
  for value in values { (least, greatest) = (min(least, value), max(greatest, value)) }
  guard values.isEmpty || (least >= 0 && Int(greatest) < bound) else {
    throw InputError("\(path): \(name) has values outside 0..<\(bound); make the data set again")
  }
}
