import Files
package import Tensors

/// Makes the text vectors of items, a block at a time: those of a catalogue for its file, and those of items that came later.
package struct TextVectorMaker {
  /// The width of the lexical part beside a semantic one; alone it has twice as much.
  static let lexicalWidth = 128
  let lexical: LexicalEncoder
  let axes: SemanticAxes?

  /// w, the width of a vector.
  package var width: Int { lexical.dimension + (axes?.count ?? 0) }

  /// Makes vectors as a catalogue's were made.
  package init(lexical: LexicalEncoder, axes: SemanticAxes?) {
    (self.lexical, self.axes) = (lexical, axes)
  }

  /// Writes vectors `[rows, w]`, rounded to half precision as the data set's file has them.
  ///
  /// - Parameters:
  ///   - text: the text of a row's item.
  ///   - mean: writes the mean of a row's token states and says whether it has any; not called without axes.
  package func make(
    into vectors: Matrix, text: (Int) -> String, mean: (Int, UnsafeMutablePointer<Float>) -> Bool, workspace: Workspace
  ) {
    workspace.scope {
      let words = lexical.dimension
      let part = axes == nil ? Float(1) : Float(0.5).squareRoot()
      let line = workspace.vector(words)
      for row in 0..<vectors.rows {
        lexical.encode(text(row), into: line.base)
        for column in 0..<words { vectors[row, column] = part * line[column] }
      }
      if let axes { project(axes, vectors, part, mean, workspace) }
    }
    round(vectors, workspace)
  }

  private func project(
    _ axes: SemanticAxes, _ vectors: Matrix, _ part: Float, _ mean: (Int, UnsafeMutablePointer<Float>) -> Bool,
    _ workspace: Workspace
  ) {
    let means = workspace.matrix(vectors.rows, axes.mean.count)
    let hasStates = (0..<vectors.rows).map { mean($0, means.row($0)) }
    let semantic = workspace.matrix(vectors.rows, axes.count)
    axes.project(means, isEmpty: { !hasStates[$0] }, into: semantic, workspace: workspace)
    for row in 0..<vectors.rows {
      for column in 0..<axes.count { vectors[row, lexical.dimension + column] = part * semantic[row, column] }
    }
  }

  private func round(_ vectors: Matrix, _ workspace: Workspace) {
    workspace.scope {
      let stored = workspace.take(UInt16.self, vectors.columns)
      let bytes = UnsafeMutableRawPointer(stored)
      for row in 0..<vectors.rows {
        ElementType.f16.encode(UnsafeBufferPointer(start: vectors.row(row), count: vectors.columns), into: bytes)
        ElementType.f16.decode(UnsafeRawBufferPointer(start: bytes, count: 2 * vectors.columns), into: vectors.row(row))
      }
    }
  }
}
