import Glibc
import TestSupport
import Testing

@testable import Tensors

@Suite struct MatrixTests {
  /// `[3, 4]` with two unused numbers behind each row; element = 10 · row + column.
  private let strided = GuardedMatrix.make(
    (0..<12).map { Float(10 * ($0 / 4) + $0 % 4) }, rows: 3, columns: 4, gap: 2)

  @Test func elementsFollowTheStride() {
    #expect(strided[2, 3] == 23)
    #expect(strided.row(1)[2] == 12)
    #expect(strided.base[6] == 10)
    #expect(strided.count == 12)
    #expect(strided.shape == "[3, 4]")
    #expect(!strided.isContiguous)
  }

  @Test func slicesShareMemory() {
    let block = strided.rows(1..<3).columns(1..<3)
    #expect(block.values == [11, 12, 21, 22])
    #expect(block.stride == 6)
    block[0, 1] = -1
    #expect(strided[1, 2] == -1)
    #expect(strided.rows(3..<3).rows == 0)
    #expect(strided.columns(4..<4).values.isEmpty)
    #expect(GuardedMatrix.isIntact(strided))
  }

  @Test func oneRowOrNoGapsIsContiguous() {
    #expect(strided.rows(1..<2).isContiguous)
    #expect(GuardedMatrix.filled(3, 4, with: 0).isContiguous)
    #expect(!strided.columns(0..<1).isContiguous)
  }

  @Test func reshapingKeepsTheOrder() {
    let matrix = GuardedMatrix.make((0..<6).map(Float.init), rows: 2, columns: 3).reshaped(rows: 3, columns: 2)
    #expect(matrix.values == [0, 1, 2, 3, 4, 5])
    #expect(matrix[2, 0] == 4)
    #expect(Array(matrix.buffer) == [0, 1, 2, 3, 4, 5] && Array(strided.rows(1..<2).buffer) == [10, 11, 12, 13])
  }

  @Test func clearingLeavesTheGapsAlone() {
    strided.clear()
    #expect(strided.values == [Float](repeating: 0, count: 12))
    #expect(GuardedMatrix.isIntact(strided))
    let whole = GuardedMatrix.filled(3, 5, with: 7)
    whole.rows(1..<2).clear()
    #expect(whole.values == [Float](repeating: 7, count: 5) + [Float](repeating: 0, count: 5) + [Float](repeating: 7, count: 5))
    GuardedMatrix.filled(0, 5).clear()
  }

  @Test func vectorsAreViewsToo() {
    let vector = Vector.guarded([1, 2, 3, 4, 5])
    let middle = vector[1..<4]
    middle[0] = 9
    #expect(vector.values == [1, 9, 3, 4, 5])
    middle.clear()
    #expect(vector.values == [1, 0, 0, 0, 5])
    #expect(vector[5..<5].values.isEmpty)
  }

  @Test func storageIsZeroedAndAligned() {
    for count in [0, 1, 15, 16, 17, 1001] {
      let storage = Storage<Float>(count: count)
      #expect(UInt(bitPattern: storage.base) % 64 == 0)
      #expect(storage.buffer.count == count && storage.buffer.allSatisfy { $0 == 0 })
    }
  }

  /// Pages within the range go, elements outside it stay.
  @Test func storageGivesBackWholePages() {
    let (page, count) = (Int(sysconf(Int32(_SC_PAGESIZE))) / 4, 1 << 20)
    let storage = Storage<Float>(count: count)
    for index in 0..<count { storage.base[index] = 1 }
    storage.discard(5..<6)
    #expect(storage.buffer.allSatisfy { $0 == 1 })
    let range = 1000..<count - 1000
    storage.discard(range)
    #expect(storage.buffer[..<1000].allSatisfy { $0 == 1 } && storage.buffer[(count - 1000)...].allSatisfy { $0 == 1 })
    #expect(storage.buffer[1000 + page..<count - 1000 - page].allSatisfy { $0 == 0 })
    storage.discard(0..<count)
  }
}
