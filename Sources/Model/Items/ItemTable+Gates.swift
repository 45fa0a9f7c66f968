package import Collectives
package import Tensors

extension ItemTable {
  /// Writes the gate weights g of a run of catalogue rows, `[rows, K]`: what fusion weighs each expert's output by.
  ///
  /// A row sums to 1, with zeros for the experts that are not computed; the row of an item without text is zero. Owners route their own
  /// items and share the weights, so every rank gets the same numbers, on any number of ranks. Collective; only of items with a semantic
  /// half. docs/model.md, section 1.
  ///
  /// - Parameter run: rows of the catalogue, the same on every rank.
  package func gates(
    of run: Range<Int>, into gates: Matrix, communicator: any Communicator, workspace: Workspace
  ) throws {
    precondition(
      shape.readsText && gates.rows == run.count && gates.columns == shape.experts,
      "gates of \(run.count) rows and \(shape.experts) experts into \(gates.shape)")
    try workspace.scope {
      let owned = (0..<partition.ranks).map { partition.localRows(of: run, ownedBy: $0) }
      let own = workspace.zeros(owned[communicator.rank].count, shape.experts)
      routeOwned(owned[communicator.rank], into: own, workspace: workspace)
      let gathered = workspace.matrix(run.count, shape.experts)
      try communicator.allGather(
        UnsafeBufferPointer(own.buffer), into: gathered.buffer, counts: owned.map { $0.count * shape.experts })
      var next = 0
      for (rank, rows) in owned.enumerated() {
        for row in rows {
          let index = partition.row(row, ownedBy: rank) - run.lowerBound
          gates.row(index).update(from: gathered.row(next), count: shape.experts)
          next += 1
        }
      }
    }
  }

  /// The gate weights of local rows, by the forward pass that training uses.
  private func routeOwned(_ rows: Range<Int>, into gates: Matrix, workspace: Workspace) {
    workspace.scope {
      let list = workspace.take(Int32.self, rows.count)
      for (index, row) in rows.enumerated() { list[index] = Int32(row) }
      let e = workspace.matrix(rows.count, shape.width)
      guard let saved = embedOwned(RowList(start: list, count: rows.count), into: e, workspace: workspace) else { return }
      for (index, row) in rows.enumerated() where !tokens.tokens(of: row).isEmpty {
        for choice in 0..<shape.active {
          gates[index, Int(saved.chosen[index * shape.active + choice])] = saved.gates[index, choice]
        }
      }
    }
  }
}
