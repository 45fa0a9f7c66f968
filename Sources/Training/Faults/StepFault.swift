import Datasets
import Model
import Tensors

/// What one rank sees of a step whose numbers have gone wrong; made only then.
struct StepFault {
  /// A tensor with bad numbers.
  struct Finding {
    /// What it is: `the gradient of blocks.0.qkv.weight`.
    let tensor: String
    /// The catalogue row, where it belongs to one item.
    var item: Int?
    /// How many of its numbers are bad.
    let bad: Int
    /// How many it has.
    let count: Int
    /// The first bad one.
    let example: Float
  }

  /// The step, from 0.
  let step: Int
  /// In the order of a forward pass: embeddings, parameters, losses, gradients.
  let findings: [Finding]
  /// Users of this rank's slice, in the batch's order.
  let users: [String]
  /// Those of them whose items have bad numbers.
  let suspects: [String]
  /// Users of the whole batch.
  let globalUsers: Int
  /// Each term's loss, over the whole batch.
  let losses: [(name: String, value: Double)]
  /// The dense parameters with their gradients.
  let parameters: ParameterArena

  /// - Parameters:
  ///   - e: the embeddings of the rows that this rank wanted.
  ///   - dE: their gradients.
  init(
    step: Int, inputs: StepInputs, e: Matrix, dE: Matrix, parameters: ParameterArena, losses: [(name: String, value: Double)]
  ) {
    self.step = step
    self.losses = losses
    self.parameters = parameters
    let rows = inputs.rows.rows
    var found = Self.lines("the embedding", of: e, rows: rows)
    found += parameters.parameters.compactMap { Self.finding("the parameter \($0.name)", $0.vector) }
    found += losses.filter { !$0.value.isFinite }.map {
      Finding(tensor: "the loss \($0.name)", bad: 1, count: 1, example: Float($0.value))
    }
    found += Self.lines("the gradient of the embedding", of: dE, rows: rows)
    found += parameters.parameters.compactMap { Self.finding("the gradient of \($0.name)", $0.gradientVector) }
    findings = found
    globalUsers = inputs.globalUsers
    users = inputs.userIDs
    let items = Set(found.compactMap(\.item))
    let batch = inputs.batch
    suspects = users.indices.filter { user in
      (Int(batch.starts[user])..<Int(batch.starts[user + 1])).contains { items.contains(Int(batch.items[$0])) }
    }.map { [users] in users[$0] }
  }

  /// Lines of embeddings with bad numbers, item by item.
  private static func lines(_ name: String, of matrix: Matrix, rows: RowList) -> [Finding] {
    (0..<matrix.rows).compactMap { line in
      var finding = finding(name, Vector(matrix.row(line), count: matrix.columns))
      finding?.item = Int(rows[line])
      return finding
    }
  }

  private static func finding(_ name: String, _ numbers: Vector) -> Finding? {
    guard !isWithin(FiniteGuard.largest, numbers) else { return nil }
    let bad = (0..<numbers.count).filter { !(numbers[$0].magnitude <= FiniteGuard.largest) }
    return Finding(tensor: name, bad: bad.count, count: numbers.count, example: numbers[bad[0]])
  }
}
