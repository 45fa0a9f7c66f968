import Tensors
import Testing

@testable import Texts

struct CholeskyFactorTests {
  @Test
  func whitensRows() {
    let workspace = Workspace()
    let rows = workspace.matrix(4, 3)
    for (index, value) in [1, 2, 0, 0, 1, 4, 3, 0, 1, 1, 1, 1].enumerated() { rows.base[index] = Float(value) }
    CholeskyFactor(gram(rows), smallestShare: 1e-12).solveRows(rows)
    let after = gram(rows)
    for row in 0..<3 { for column in 0..<3 { #expect(abs(after[row, column] - (row == column ? 1 : 0)) < 1e-5) } }
  }

  @Test
  func leavesOutWhatDependsOnOtherColumns() {
    let workspace = Workspace()
    let rows = workspace.matrix(3, 2)
    for (index, value) in [1, 2, 2, 4, 3, 6].enumerated() { rows.base[index] = Float(value) }
    CholeskyFactor(gram(rows), smallestShare: 1e-6).solveRows(rows)
    #expect((0..<3).allSatisfy { rows[$0, 1] == 0 })
    #expect(abs(gram(rows)[0, 0] - 1) < 1e-6)
  }

  private func gram(_ rows: Matrix) -> SquareMatrix {
    var gram = SquareMatrix(size: rows.columns, [Double](repeating: 0, count: rows.columns * rows.columns))
    for row in 0..<rows.rows {
      for left in 0..<rows.columns {
        for right in 0..<rows.columns { gram[left, right] += Double(rows[row, left]) * Double(rows[row, right]) }
      }
    }
    return gram
  }
}
