package import Host
import Tensors

extension TransformerBlock {
  /// Rows of width d that a block keeps of each position as products read them.
  package static func keptRows(_ form: BlockForm) -> Int { form == .gated ? 18 : 10 }

  /// Floats that a block keeps of so many positions for backward.
  ///
  /// - Parameter factor: floats of an element that is kept as products read it: 1, or a half in 16 bits.
  package static func keptFloats(positions: Double, width: Int, heads: Int, form: BlockForm, factor: Double) -> Double {
    // Besides the rows of factors two of the residual stream; two norms' means and deviations, and attention's log-sums.
    positions * (Double(width) * (Double(keptRows(form)) * factor + 2) + Double(4 + heads))
  }

  /// Floats that backward through a block takes besides: the packed weights of both halves, and a block of sequences on their way.
  ///
  /// - Parameter length: n, the longest sequence.
  package static func backwardFloats(
    positions: Double, width: Int, heads: Int, length: Int, form: BlockForm, precision: NumberFormat
  ) -> Double {
    let (d, isGated, factor) = (Double(width), form == .gated, Double(precision.size) / 4)
    let rows = max(min(Double(PackedBatch.blockRows), positions), Double(length))
    let attention = Double(attentionScratch(length: length, headWidth: width / heads, precision: precision))
    let half = max(rows * d * (5 + (isGated ? 22 : 14) * factor), rows * d * (2 + 8 * factor) + attention)
    let weights = factor * (isGated ? 18 : 12) * d * Double(PackedFactor.storedColumns(width))
    return weights + half
  }
}
