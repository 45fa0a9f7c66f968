package import Collectives
package import Tensors

/// Vectors by which the texts of a catalogue are compared: the mean of an item's token states, less the mean of all items', of length 1.
///
/// So their product is a cosine. Without the common part, which any two states share, cosines would hardly differ (ours). An item without
/// text has zeros.
package enum CenteredTexts {
  /// Writes the mean of an item's token states `[dt]`; false when it has none.
  package typealias Pool = (Int, UnsafeMutableBufferPointer<Float>) -> Bool

  /// Makes the vectors of a catalogue; collective.
  ///
  /// - Parameters:
  ///   - width: dt, the width of a token state.
  ///   - bytes: the most bytes of vectors that this rank may hold; larger ones are streamed.
  package static func make(
    items: Int, width: Int, communicator: any Communicator, workspace: Workspace, bytes: Int, pool: @escaping Pool
  ) throws -> ComputedVectors {
    let center = try center(items, width, communicator, pool)
    return try ComputedVectors(items: items, width: width, communicator: communicator, workspace: workspace, bytes: bytes) {
      for (index, item) in $0.enumerated() {
        let vector = UnsafeMutableBufferPointer(start: $1.row(index), count: width)
        guard pool(item, vector) else {
          vector.update(repeating: 0)
          continue
        }
        for column in 0..<width { vector[column] -= center[column] }
        normalize(vector)
      }
    }
  }

  /// The mean over the items with text, block by block of the catalogue: the same bits on any number of ranks.
  private static func center(_ items: Int, _ width: Int, _ communicator: any Communicator, _ pool: Pool) throws -> [Float] {
    let blocks = Array(stride(from: 0, to: items, by: Catalogue.blockRows))
    let own = Shares.range(of: communicator.rank, ranks: communicator.size, count: blocks.count)
    let vector = Storage<Float>(count: width)
    let sums = blocks[own].map { first in
      var sum = [Double](repeating: 0, count: width + 1)
      for item in first..<min(first + Catalogue.blockRows, items)
      where pool(item, UnsafeMutableBufferPointer(start: vector.base, count: width)) {
        for column in 0..<width { sum[column] += Double(vector.base[column]) }
        sum[width] += 1
      }
      return sum
    }
    let total = try communicator.sumInOrder(sums, size: width + 1)
    return total.dropLast().map { Float($0 / max(total[width], 1)) }
  }

  private static func normalize(_ vector: UnsafeMutableBufferPointer<Float>) {
    let length = vector.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    guard length > 0 else { return }
    for column in vector.indices { vector[column] = Float(Double(vector[column]) / length) }
  }
}
