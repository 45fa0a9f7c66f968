import Tensors
import TestSupport
import Testing

/// Reads beyond a view, which inner loops do not check: in release builds there is nothing to test.
#if DEBUG
  @Suite struct BoundsTests {
    private static func matrix() -> Matrix { Matrix(.allocate(capacity: 64), rows: 3, columns: 4) }
    private static func vector() -> Vector { Vector(.allocate(capacity: 64), count: 5) }

    @Test func rowsAndColumnsOfElements() async {
      await #expect(processExitsWith: .failure) { _ = Self.matrix()[3, 0] }
      await #expect(processExitsWith: .failure) { _ = Self.matrix()[0, 4] }
      await #expect(processExitsWith: .failure) { _ = Self.matrix()[-1, 0] }
      await #expect(processExitsWith: .failure) { Self.matrix()[0, -1] = 1 }
    }

    @Test func startsOfRows() async {
      await #expect(processExitsWith: .failure) { _ = Self.matrix().row(4) }
      await #expect(processExitsWith: .failure) { _ = Self.matrix().row(-1) }
      #expect(Self.matrix().row(3) != Self.matrix().row(0), "where an empty run begins")
    }

    @Test func elementsOfVectors() async {
      await #expect(processExitsWith: .failure) { _ = Self.vector()[5] }
      await #expect(processExitsWith: .failure) { Self.vector()[-1] = 1 }
    }

    @Test func runsOfRows() async {
      await #expect(processExitsWith: .failure) { _ = Self.matrix().rows(2..<4) }
      await #expect(processExitsWith: .failure) { _ = StoredRows(Self.matrix()).rows(2..<4) }
      await #expect(processExitsWith: .failure) { _ = Self.vector()[3..<6] }
    }
  }
#endif
