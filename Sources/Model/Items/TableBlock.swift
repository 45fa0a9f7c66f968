import Host
package import Tensors

/// One array of the sharded table as this rank holds it: a line of numbers for each row, or for each token of each row.
package struct TableBlock {
  /// The name: `ids`, `ids.accumulator`, `states`, `states.accumulator`.
  package let name: String
  /// This rank's lines.
  package let lines: StoredRows
  /// Whether a row has a line for each of its tokens.
  package let isPerToken: Bool

  /// Names an array of rows.
  package init(name: String, lines: StoredRows, isPerToken: Bool) {
    self.name = name
    self.lines = lines
    self.isPerToken = isPerToken
  }

  /// The bytes of a line.
  package var lineBytes: Int { lines.columns * lines.element.size }
}

extension ItemTable {
  /// ID rows and their optimizer's state.
  package var idBlocks: [TableBlock] {
    [TableBlock(name: "ids", lines: StoredRows(ids), isPerToken: false)]
      + idOptimizer.states.map { TableBlock(name: "ids.\($0.name)", lines: StoredRows($0.values), isPerToken: false) }
  }

  /// Token states and their optimizer's state, which is made if there is none yet.
  ///
  /// States come last: they may be narrower than the rest, and files align what is widest first.
  package func tokenBlocks() -> [TableBlock] {
    tokenOptimizerState().states.map { TableBlock(name: "states.\($0.name)", lines: StoredRows($0.values), isPerToken: true) }
      + [TableBlock(name: "states", lines: tokens.states, isPerToken: true)]
  }

  /// Where the lines of local rows stand in a block.
  package func lines(of block: TableBlock, localRows rows: Range<Int>) -> Range<Int> {
    block.isPerToken ? tokens.starts[rows.lowerBound]..<tokens.starts[rows.upperBound] : rows
  }
}
