package import Tensors

/// The transformer's input: `z_p = dropout(e_{i_p} + position_p (+ scene + behavior))`.
///
/// docs/model.md, section 2.
///
/// Positions count back from the newest event: row n − 1 of `position` belongs to it. Scene and behavior embeddings are ours.
package struct SequenceEmbedding {
  /// What the positions of a packed batch refer to; scenes and behaviors only where the model embeds them.
  package struct Input {
    /// Rows of the embedding matrix, one a position.
    package let items: RowList
    /// Scene of each position.
    package let scenes: RowList?
    /// Behavior of each position.
    package let behaviors: RowList?

    /// Describes the positions.
    package init(items: RowList, scenes: RowList?, behaviors: RowList?) {
      self.items = items
      self.scenes = scenes
      self.behaviors = behaviors
    }
  }

  private let position: Parameter
  private let scene: Parameter?
  private let behavior: Parameter?

  /// Declares `position` `[n, d]` and, when counts are given, `scene` `[scenes, d]` and `behavior` `[behaviors, d]`.
  package static func specs(length: Int, width: Int, scenes: Int?, behaviors: Int?) -> [ParameterSpec] {
    func table(_ name: String, _ count: Int, _ rows: ParameterRows) -> ParameterSpec {
      ParameterSpec(name, [count, width], .normal(deviation: 0.02), decays: false, rows: rows)
    }
    return [table("position", length, .fixed)] + (scenes.map { [table("scene", $0, .scenes)] } ?? [])
      + (behaviors.map { [table("behavior", $0, .behaviors)] } ?? [])
  }

  /// Finds the parameters in an arena.
  package init(in arena: ParameterArena) {
    position = arena["position"]
    scene = arena.find("scene")
    behavior = arena.find("behavior")
  }

  /// Writes z `[T, d]` from the embeddings e `[U, d]` of the batch's unique items.
  package func forward(_ e: Matrix, input: Input, batch: PackedBatch, mode: ForwardMode, into z: Matrix, workspace: Workspace) {
    workspace.scope {
      let sum = workspace.matrix(z.rows, z.columns)
      gather(input.items, from: e, into: sum)
      for user in 0..<batch.users {
        let rows = batch.rows(of: user)
        add(positions(rows.count, position.value), to: sum.rows(rows))
      }
      forEachTable(input) { list, table in
        for row in 0..<sum.rows { add(table.value.rows(Int(list[row])..<Int(list[row]) + 1), to: sum.rows(row..<row + 1)) }
      }
      mask(batch, mode).add(sum, into: z)
    }
  }

  /// Adds dZ `[T, d]` to dE `[U, d]` and to the tables' gradients.
  package func backward(_ dZ: Matrix, input: Input, batch: PackedBatch, mode: ForwardMode, dE: Matrix, workspace: Workspace) {
    workspace.scope {
      let dSum = workspace.matrix(dZ.rows, dZ.columns)
      mask(batch, mode).backward(dZ, into: StoredRows(dSum))
      scatterAdd(dSum, to: input.items, of: dE)
      for user in 0..<batch.users {
        let rows = batch.rows(of: user)
        add(dSum.rows(rows), to: positions(rows.count, position.gradient))
      }
      forEachTable(input) { list, table in scatterAdd(dSum, to: list, of: table.gradient) }
    }
  }

  /// The rows of `position` for a sequence of `length` events.
  private func positions(_ length: Int, _ table: Matrix) -> Matrix { table.rows((table.rows - length)..<table.rows) }

  private func forEachTable(_ input: Input, _ body: (RowList, Parameter) -> Void) {
    if let scene, let list = input.scenes { body(list, scene) }
    if let behavior, let list = input.behaviors { body(list, behavior) }
  }

  private func mask(_ batch: PackedBatch, _ mode: ForwardMode) -> DropoutMask {
    DropoutMask(
      stream: RandomStream(seed: mode.seed, dropoutSite: 0, step: mode.step), rowKeys: batch.rowKeys, rate: mode.dropout)
  }
}
