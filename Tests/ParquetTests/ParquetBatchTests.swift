import CParquet
import Testing

@testable import Parquet

/// Arrays whose offsets do not fit are found before anything is read by them.
@Suite struct ParquetBatchTests {
  /// Whether a batch of one column of two texts passes with these offsets.
  private func passes(
    _ offsets: [Int32], rows: Int64 = 2, length: Int64 = 2, offset: Int64 = 0, buffers: Int64 = 3, nulls: Int64 = 0,
    hasBytes: Bool = true, kind: ParquetColumn.Kind = .text, columns: Int = 1
  ) -> Bool {
    var offsets = offsets
    var bytes = [UInt8](repeating: 0x61, count: 64)
    return offsets.withUnsafeMutableBytes { offsets in
      bytes.withUnsafeMutableBytes { bytes in
        var places: [UnsafeRawPointer?] = [nil, UnsafeRawPointer(offsets.baseAddress), nil]
        if hasBytes { places[2] = UnsafeRawPointer(bytes.baseAddress) }
        return places.withUnsafeMutableBufferPointer { places in
          var child = ArrowArray()
          (child.length, child.offset, child.n_buffers, child.null_count) = (length, offset, buffers, nulls)
          child.buffers = places.baseAddress
          return withUnsafeMutablePointer(to: &child) { child in
            var children: [UnsafeMutablePointer<ArrowArray>?] = [child]
            return children.withUnsafeMutableBufferPointer { children in
              let array = UnsafeMutablePointer<ArrowArray>.allocate(capacity: 1)
              array.initialize(to: ArrowArray())
              (array.pointee.length, array.pointee.n_children) = (rows, 1)
              array.pointee.children = children.baseAddress
              // Without a release function the batch frees its own memory only.
              return ParquetBatch(array).check(.init(repeating: kind, count: columns)) == nil
            }
          }
        }
      }
    }
  }

  @Test func offsetsMustRiseFromZero() {
    #expect(passes([0, 1, 3]))
    #expect(passes([9, 0, 1, 3], offset: 1))
    #expect(passes([0, 0, 0], hasBytes: false))
    #expect(!passes([0, 3, 1]))
    #expect(!passes([-1, 1, 3]))
    #expect(!passes([0, 1, -3]))
    #expect(!passes([0, 1, 3], hasBytes: false))
  }

  @Test func shapesMustBeThoseThatWereAskedFor() {
    #expect(!passes([0, 1, 3], length: 1))
    #expect(!passes([0, 1, 3], rows: -1, length: -1))
    #expect(!passes([0, 1, 3], offset: -1))
    #expect(!passes([0, 1, 3], buffers: 2))
    #expect(!passes([0, 1, 3], columns: 2))
    // Nulls without a map of them.
    #expect(!passes([0, 1, 3], nulls: 1))
    // A list has two buffers and a child.
    #expect(!passes([0, 1, 3], kind: .vector))
    #expect(!passes([0, 1, 3], buffers: 2, kind: .vector))
  }
}
