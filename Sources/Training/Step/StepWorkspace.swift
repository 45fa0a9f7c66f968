package import Host
package import Model
import Tensors

/// What a step takes of its workspace: the same sum tells `precise check` what to expect and a run what to reserve.
///
/// Layers and losses state what they take; here is which of it stands in the workspace at one time. A test holds the sum to what steps
/// really take. Letters as in docs/shapes.md.
package enum StepWorkspace {
  /// A piece of the workspace ends at a multiple of 64 bytes, and pieces of fixed size are not counted one by one.
  private static let rounding = 32.0 * 1024

  /// Bytes that a step takes at most at one time: fused items stay, and the largest of fusion, transformer with objective, and
  /// updates comes and goes.
  package static func bytes(_ shape: ModelShape, _ size: StepSize, _ precision: NumberFormat) -> Double {
    let d = Double(shape.fusion.width)
    let isShared = size.ranks > 1
    let (wanted, owned) = (size.wanted * d, isShared ? size.owned * d : 0)
    let fusion = EmbeddingFusion.workspaceFloats(items: size.owned, shape.fusion, precision)
    // Rows of the negatives and their log q, of the positions, of the targets.
    let lists = 2 * size.negatives + size.positions + size.queries
    let fusing = max(fusion.forward, isShared ? wanted : 0)
    let updating = owned + max(fusion.backward, isShared ? wanted : 0)
    let passes = max(fusing, lists + encoding(shape, size, precision), updating)
    return 4 * (2 * wanted + owned + fusion.saved + passes) + rounding
  }

  /// Bytes of a step's lists, of which two take turns: the batch, and its distinct rows in tables that are at most half full.
  package static func lists(_ size: StepSize) -> Double { 2 * (48 * size.positions + 36 * (2 * size.positions + size.negatives)) }

  /// Floats of transformer and objective, forward and backward.
  private static func encoding(_ shape: ModelShape, _ size: StepSize, _ precision: NumberFormat) -> Double {
    let (width, factor) = (shape.fusion.width, Double(precision.size) / 4)
    let stream = size.positions * Double(width)
    // z and h with their norm, dH; what the time bias reads of each position.
    let ages = shape.time == nil ? 0 : shape.readsRequestTime ? 2.0 : 1
    let blocks =
      Double(shape.layers)
      * TransformerBlock.keptFloats(
        positions: size.positions, width: width, heads: shape.heads, form: shape.block, factor: factor)
    let kept = blocks + 3 * stream + (2 + ages) * size.positions
    let block = TransformerBlock.backwardFloats(
      positions: size.positions, width: width, heads: shape.heads, length: shape.length, form: shape.block, precision: precision)
    let backward = stream + max(stream, block)
    let softmax = SampledSoftmax.workspaceFloats(
      queries: size.queries, negatives: size.negatives, width: width, precision: precision)
    guard shape.userHead != nil else { return kept + max(softmax, backward) }
    let head = UserHead.workspaceFloats(users: size.users, length: shape.length, width: width, factor: factor)
    let ranking = CrossUserBPR.workspaceFloats(users: size.users, all: size.users * Double(size.ranks), width: width)
    // dH is taken after the ranking; the head's own backward ends before the transformer's begins.
    return kept - stream + head.kept + max(softmax, ranking, stream + max(head.backward, backward))
  }
}
