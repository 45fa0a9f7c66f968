import Tensors
import TestSupport
import Testing

@Suite struct StoredRowsTests {
  /// Rows of bfloat16 that live as long as the process.
  private func half(_ values: [Float], columns: Int) -> StoredRows {
    let storage = Unmanaged.passRetained(Storage<UInt16>(count: values.count)).takeUnretainedValue()
    let rows = StoredRows(storage.base, .bf16, rows: values.count / columns, columns: columns)
    rows.store(values)
    return rows
  }

  /// The nearest bfloat16, ties to even, by the neighbours on both sides.
  private func nearest(_ value: Float) -> Float {
    let below = Float(bitPattern: value.bitPattern & 0xFFFF_0000)
    let above = Float(bitPattern: (value.bitPattern & 0xFFFF_0000) + 0x1_0000)
    let (down, up) = (abs(Double(value) - Double(below)), abs(Double(above) - Double(value)))
    if down != up { return down < up ? below : above }
    return below.bitPattern & 0x1_0000 == 0 ? below : above
  }

  @Test(arguments: [1, 7, 16, 33, 1000]) func bfloat16IsTheNearest(_ count: Int) {
    var values = RandomValues.floats(count, seed: 1, scale: 100)
    // Ties: half way between two neighbours, of which the even one is below or above.
    if count > 3 { (values[0], values[1], values[2]) = (1 + 0x1p-8, 1 + 3 * 0x1p-8, -(1 + 0x1p-8)) }
    #expect(half(values, columns: 1).values == values.map(nearest))
    #expect(half(values, columns: 1).values.map(nearest) == half(values, columns: 1).values, "what is representable stays")
  }

  @Test func whatIsNoNumberStaysSo() {
    let stored = half([.nan, .infinity, -.infinity, 0, -0.0, Float(bitPattern: 0x7F80_0001)], columns: 6).values
    #expect(stored[0].isNaN && stored[5].isNaN)
    #expect(stored[1] == .infinity && stored[2] == -.infinity && stored[3].sign == .plus && stored[4].sign == .minus)
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
    again.store(narrowed)
    copied.store(narrowed)
    #expect(again.values == narrowed.values && copied.values == narrowed.values)
  }
}
