import Files
import Tensors
import TestSupport
import Testing

@testable import Texts

struct SemanticAxesTests {
  private let folder: TemporaryFolder
  private let workspace = Workspace(chunkBytes: 1 << 20)

  init() throws { folder = try TemporaryFolder() }

  /// States of items with so many tokens each, from `value(row, column)`.
  private func states(_ tokens: [Int], width: Int, _ value: (Int, Int) -> Float) throws -> TokenStates {
    let rows = tokens.reduce(0, +)
    var writer = try SafetensorsWriter(
      path: folder.file("states"),
      tensors: [TensorSpec("offsets", .i64, [tokens.count + 1]), TensorSpec("states", .f32, [rows, width])])
    try writer.write(tokens.reduce(into: [Int64(0)]) { $0.append(($0.last ?? 0) + Int64($1)) })
    try writer.write((0..<rows).flatMap { row in (0..<width).map { value(row, $0) } })
    try writer.finish()
    return try TokenStates(path: folder.file("states"), items: tokens.count)
  }

  /// Numbers with one direction far larger than the others, about a mean far from zero.
  private func value(_ row: Int, _ column: Int) -> Float {
    let own = RandomValues.floats(1, seed: UInt64(row * 64 + column))[0]
    let shared = RandomValues.floats(1, seed: UInt64(100_000 + row))[0]
    return 3 + own + 20 * shared * Float(column % 2)
  }

  /// The covariance of Aᵀ (x − μ) over the items with tokens.
  private func covariance(_ axes: SemanticAxes, _ states: TokenStates) -> [[Double]] {
    let scratch = workspace.matrix(states.maxTokens, states.dimension)
    let projected = (0..<states.itemCount).filter { states.tokenCount($0) > 0 }.map { item -> [Double] in
      var mean = [Float](repeating: 0, count: states.dimension)
      states.copyMean(item, into: &mean, scratch: scratch.base)
      return (0..<axes.count).map { axis in
        mean.indices.reduce(0) { $0 + Double(mean[$1] - axes.mean[$1]) * Double(axes.directions[$1 * axes.count + axis]) }
      }
    }
    return (0..<axes.count).map { left in
      (0..<axes.count).map { right in
        projected.reduce(0) { $0 + $1[left] * $1[right] } / Double(projected.count)
      }
    }
  }

  @Test(arguments: [(40, 6, 6), (60, 5, 5), (4, 6, 3), (2, 6, 1)])
  func projectedItemsHaveCovarianceOne(items: Int, width: Int, count: Int) throws {
    // Some items have several tokens; items without any do not count.
    let states = try states((0..<items).flatMap { [1 + $0 % 3, 0] }, width: width, value)
    let axes = try #require(SemanticAxes(of: states, workspace: workspace))
    #expect(axes.count == count)
    for (row, values) in covariance(axes, states).enumerated() {
      for (column, value) in values.enumerated() { #expect(abs(value - (row == column ? 1 : 0)) < 2e-3, "\(row), \(column)") }
    }
  }

  @Test func fewerThanTwoItemsWithTextHaveNone() throws {
    #expect(SemanticAxes(of: try states([0, 3, 0], width: 4, value), workspace: workspace) == nil)
    #expect(SemanticAxes(of: try states([0, 0], width: 4, value), workspace: workspace) == nil)
  }

  /// Nothing tells the items apart, so nothing is made of rounding.
  @Test func constantStatesGiveZeros() throws {
    let states = try states([1, 2, 1, 3, 1], width: 4) { _, column in 0.25 * Float(column) }
    let axes = try #require(SemanticAxes(of: states, workspace: workspace))
    #expect(axes.directions.allSatisfy { $0 == 0 })
    #expect(project(axes, states).joined().allSatisfy { $0 == 0 })
  }

  /// A direction in which items do not differ is left out, the others are whitened.
  @Test func aConstantDirectionIsLeftOut() throws {
    let states = try states([Int](repeating: 1, count: 30), width: 4) { $1 == 2 ? 0.5 : value($0, $1) }
    let axes = try #require(SemanticAxes(of: states, workspace: workspace))
    let diagonal = covariance(axes, states).enumerated().map { $1[$0] }
    #expect(diagonal.count { abs($0 - 1) < 2e-3 } == 3 && diagonal.count { abs($0) < 1e-6 } == 1, "\(diagonal)")
  }

  @Test func vectorsHaveLengthOneAndItemsWithoutTokensZeros() throws {
    let states = try states([2, 0, 1, 1, 0, 3, 1, 1], width: 4, value)
    let axes = try #require(SemanticAxes(of: states, workspace: workspace))
    for (item, vector) in project(axes, states).enumerated() {
      let wanted: Float = states.tokenCount(item) == 0 ? 0 : 1
      #expect(abs(product(vector, vector) - wanted) < 1e-5, "item \(item)")
    }
  }

  private func project(_ axes: SemanticAxes, _ states: TokenStates) -> [[Float]] {
    let scratch = workspace.matrix(states.maxTokens, states.dimension)
    let means = workspace.matrix(states.itemCount, states.dimension)
    for item in 0..<states.itemCount { states.copyMean(item, into: means.row(item), scratch: scratch.base) }
    let vectors = workspace.matrix(states.itemCount, axes.count)
    axes.project(means, isEmpty: { states.tokenCount($0) == 0 }, into: vectors, workspace: workspace)
    return (0..<vectors.rows).map { Array(vectors.rows($0..<$0 + 1).buffer) }
  }
}
