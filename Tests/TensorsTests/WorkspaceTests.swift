import TestSupport
import Testing

@testable import Tensors

@Suite struct WorkspaceTests {
  @Test func piecesAreAlignedAndApart() {
    let workspace = Workspace(chunkBytes: 1 << 12)
    var pieces: [(start: UInt, end: UInt)] = []
    for count in [1, 3, 64, 700, 5, 2000, 0, 7] {
      let piece = workspace.take(Float.self, count)
      #expect(UInt(bitPattern: piece) % 64 == 0)
      pieces.append((UInt(bitPattern: piece), UInt(bitPattern: piece) + UInt(4 * count)))
    }
    for (index, piece) in pieces.enumerated() where piece.end > piece.start {
      for other in pieces[..<index] { #expect(piece.end <= other.start || piece.start >= other.end) }
    }
  }

  @Test func releaseGivesTheSameMemoryAgain() {
    let workspace = Workspace(chunkBytes: 1 << 12)
    let kept = workspace.vector(5)
    kept[4] = 42
    let mark = workspace.mark
    let first = workspace.take(Int32.self, 100)
    _ = workspace.take(UInt64.self, 4000)
    workspace.release(to: mark)
    #expect(workspace.take(Int32.self, 10) == first)
    #expect(kept[4] == 42)
  }

  @Test func aScopeGivesBackEvenWhenItThrows() {
    struct Failure: Error {}
    let workspace = Workspace(chunkBytes: 1 << 12)
    let first = workspace.scope { workspace.take(Float.self, 3) }
    #expect(throws: Failure.self) {
      try workspace.scope {
        _ = workspace.take(Float.self, 30)
        throw Failure()
      }
    }
    #expect(workspace.take(Float.self, 1) == first)
  }

  @Test func zerosAreZeroInUsedMemory() {
    let workspace = Workspace(chunkBytes: 1 << 12)
    workspace.scope {
      let dirty = workspace.matrix(7, 9)
      for index in 0..<dirty.count { dirty.base[index] = 1 }
    }
    #expect(workspace.zeros(7, 9).values.allSatisfy { $0 == 0 })
  }

  /// A round of nested scopes with pieces below and above a chunk's size.
  private func round(_ workspace: Workspace, shrink: Int) {
    workspace.scope {
      _ = workspace.take(UInt8.self, 900 / shrink)
      for piece in [400, 5000, 30, 1000] {
        workspace.scope {
          _ = workspace.take(UInt8.self, piece / shrink)
          workspace.scope { _ = workspace.take(UInt8.self, 2500 / shrink) }
          _ = workspace.take(UInt8.self, 3000 / shrink)
        }
      }
      _ = workspace.take(UInt8.self, 1200 / shrink)
    }
  }

  @Test func doesNotGrowAfterTheLargestRound() {
    let workspace = Workspace(chunkBytes: 1 << 12)
    #expect(workspace.capacity == 0)
    round(workspace, shrink: 1)
    let capacity = workspace.capacity
    #expect(capacity > 0)
    for shrink in [1, 2, 1, 3, 7, 1] {
      round(workspace, shrink: shrink)
      #expect(workspace.capacity == capacity)
    }
  }

  @Test func whatIsReservedDoesWithoutGrowing() {
    let needed = Workspace(chunkBytes: 1 << 12)
    round(needed, shrink: 1)
    #expect(needed.growths > 0 && needed.peak > 0 && needed.peak <= needed.capacity)
    let planned = Workspace(chunkBytes: 1 << 12)
    planned.reserve(needed.peak)
    for shrink in [1, 2, 1] { round(planned, shrink: shrink) }
    #expect(planned.growths == 0 && planned.peak == needed.peak && planned.capacity == needed.peak)
    planned.reserve(100)
    #expect(planned.capacity == needed.peak, "a larger block is kept")
  }

  @Test func moreThanReservedIsServedAndCounted() {
    let workspace = Workspace(chunkBytes: 1 << 12)
    workspace.reserve(1 << 10)
    workspace.scope { _ = workspace.take(UInt8.self, 1000) }
    #expect(workspace.growths == 0)
    for _ in 0..<3 {
      workspace.scope {
        for index in 0..<5 { workspace.zeros(10, 20)[9, 19] = Float(index) }
      }
    }
    #expect(workspace.growths == 1 && workspace.peak == 5 * 832)
  }

  #if DEBUG
    @Test func whatIsGivenBackIsNoNumber() {
      let workspace = Workspace(chunkBytes: 1 << 12)
      let kept = workspace.zeros(3, 5)
      var outlived: [Vector] = []
      workspace.scope {
        for count in [7, 900, 2000] {
          outlived.append(workspace.vector(count))
          outlived[outlived.count - 1].clear()
        }
      }
      #expect(outlived.allSatisfy { $0.values.allSatisfy(\.isNaN) })
      #expect(kept.values.allSatisfy { $0 == 0 })
      #expect(workspace.vector(4).base.withMemoryRebound(to: UInt32.self, capacity: 1) { $0[0] } == Workspace.poison)
    }
  #endif
}
