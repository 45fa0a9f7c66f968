import Foundation
import Host
import Tensors
import TestSupport
import Testing

@Suite struct StoredRowsTests {
  /// Rows of 16 bits that live as long as the process.
  private func half(_ values: [Float], columns: Int, _ element: NumberFormat = .bf16) -> StoredRows {
    let storage = Unmanaged.passRetained(Storage<UInt16>(count: values.count)).takeUnretainedValue()
    let rows = StoredRows(storage.base, element, rows: values.count / columns, columns: columns)
    rows.store(values)
    return rows
  }

  /// The nearest bfloat16, ties to even, by the neighbors on both sides.
  private func nearest(_ value: Float) -> Float {
    let below = Float(bitPattern: value.bitPattern & 0xFFFF_0000)
    let above = Float(bitPattern: (value.bitPattern & 0xFFFF_0000) + 0x1_0000)
    let (down, up) = (abs(Double(value) - Double(below)), abs(Double(above) - Double(value)))
    if down != up { return down < up ? below : above }
    return below.bitPattern & 0x1_0000 == 0 ? below : above
  }

  @Test(arguments: [1, 7, 16, 33, 1000]) func bfloat16IsTheNearest(_ count: Int) {
    var values = RandomValues.floats(count, seed: 1, scale: 100)
    // Ties: half way between two neighbors, of which the even one is below or above.
    if count > 3 { (values[0], values[1], values[2]) = (1 + 0x1p-8, 1 + 3 * 0x1p-8, -(1 + 0x1p-8)) }
    #expect(half(values, columns: 1).values == values.map(nearest))
    #expect(half(values, columns: 1).values.map(nearest) == half(values, columns: 1).values, "what is representable stays")
  }

  @Test func whatIsNoNumberStaysSo() {
    let stored = half([.nan, .infinity, -.infinity, 0, -0.0, Float(bitPattern: 0x7F80_0001)], columns: 6).values
    #expect(stored[0].isNaN && stored[5].isNaN)
    #expect(stored[1] == .infinity && stored[2] == -.infinity && stored[3].sign == .plus && stored[4].sign == .minus)
  }

  /// The nearest half, ties to even; what is beyond the largest becomes that.
  ///
  /// In double precision, because Swift's Float16 loses subnormal numbers on a thread whose denormal results become zero.
  private func nearestHalf(_ value: Float) -> Float {
    guard value.isFinite else { return value }
    let digit = Double(sign: .plus, exponent: max(value == 0 ? 0 : Int(value.exponent), -14) - 10, significand: 1)
    return Float(min(max((Double(value) / digit).rounded(.toNearestOrEven) * digit, -65_504), 65_504))
  }

  /// What the bits of a half mean.
  private func half(bits: Int) -> Float {
    let (exponent, fraction) = (bits >> 10 & 31, bits & 1023)
    let sign: Float = bits < 1 << 15 ? 1 : -1
    if exponent == 31 { return fraction == 0 ? sign * .infinity : .nan }
    let significand = exponent == 0 ? fraction : 1024 + fraction
    return sign * Float(sign: .plus, exponent: max(exponent, 1) - 25, significand: Float(significand))
  }

  @Test(arguments: [1, 7, 16, 33, 1000]) func halfPrecisionIsTheNearest(_ count: Int) {
    let exponents = RandomValues.floats(count, seed: 5, scale: 20)
    var values = zip(RandomValues.floats(count, seed: 4, scale: 3), exponents).map { $0 * exp2($1.rounded()) }
    if count > 5 { values.replaceSubrange(0..<6, with: [1 + 0x1p-11, 1 + 3 * 0x1p-11, -0x1.8p-24, 65_519.9, -1e30, 0x1p-25]) }
    let rows = half(values, columns: 1, .fp16)
    #expect(rows.values == values.map(nearestHalf))
    rows.store(rows.values)
    #expect(rows.values == values.map(nearestHalf), "what is representable stays")
  }

  @Test func everyHalfIsRead() {
    let all = half([Float](repeating: 0, count: 1 << 16), columns: 1 << 16, .fp16)
    let words = all.bytes.bindMemory(to: UInt16.self)
    for bits in 0..<(1 << 16) { words[bits] = UInt16(bits) }
    let read = all.values
    let expected = (0..<(1 << 16)).map(half(bits:))
    #expect(
      (0..<(1 << 16)).filter { read[$0].bitPattern != expected[$0].bitPattern && !(read[$0].isNaN && expected[$0].isNaN) } == [])
    let again = half(read, columns: 1 << 16, .fp16).bytes.bindMemory(to: UInt16.self)
    #expect((0..<(1 << 16)).allSatisfy { again[$0] == words[$0] || read[$0].isNaN && again[$0] & 0x7FFF > 0x7C00 })
  }

  @Test func rowsAreFoundByElement() {
    let values = RandomValues.floats(12, seed: 2)
    let (stored, matrix) = (half(values, columns: 3), GuardedMatrix.make(values, rows: 4, columns: 3))
    #expect(stored.rows(1..<3).values == values[3..<9].map(nearest) && stored.rows(2..<2).values.isEmpty)
    #expect(StoredRows(matrix).rows(1..<3).values == Array(values[3..<9]))
    #expect(stored.floats == nil && StoredRows(matrix).floats?.base == matrix.base)
    #expect(stored.bytes.count == 24 && StoredRows(matrix).bytes.count == 48)
  }

  @Test func rowsAreStoredFromRowsOfEitherKind() {
    let values = RandomValues.floats(10, seed: 3)
    let whole = StoredRows(GuardedMatrix.make(values, rows: 2, columns: 5))
    let (copied, narrowed) = (StoredRows(GuardedMatrix.filled(2, 5)), half([Float](repeating: 0, count: 10), columns: 5))
    copied.store(whole)
    narrowed.store(whole)
    #expect(copied.values == values && narrowed.values == values.map(nearest))
    let again = half([Float](repeating: 0, count: 10), columns: 5)
    let other = half([Float](repeating: 0, count: 10), columns: 5, .fp16)
    other.store(narrowed)
    #expect(zip(other.values, narrowed.values).allSatisfy { abs($0 - $1) <= 0x1p-24 }, "small numbers lose digits")
    again.store(narrowed)
    copied.store(narrowed)
    #expect(again.values == narrowed.values && copied.values == narrowed.values)
  }
}
