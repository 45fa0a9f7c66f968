package import Model
package import Tensors

/// What a step takes of its workspace: the same formula tells `precise check` what to expect and a run what to reserve.
///
/// It follows the code, scope by scope; a test holds it to what steps really take. Letters: H heads, B users
/// of a rank, n length, K experts, m tokens.
package enum StepWorkspace {
  /// A piece of the workspace ends at a multiple of 64 bytes, and pieces of fixed size are not counted one by one.
  private static let rounding = 32.0 * 1024

  /// Bytes that a step takes at most at one time: fused items stay, and the largest of fusion, transformer with objective, and
  /// updates comes and goes.
  package static func bytes(_ shape: ModelShape, _ size: StepSize, _ precision: Precision) -> Double {
    let (d, fusion) = (Double(shape.fusion.width), shape.fusion)
    let isShared = size.ranks > 1
    let (wanted, owned) = (size.wanted * d, isShared ? size.owned * d : 0)
    let (active, experts) = (Double(fusion.active), Double(fusion.experts))
    let slots = fusion.readsText ? size.owned * active : 0
    let (width, semantic) = (Double(fusion.tokenWidth), Double(fusion.semanticWidth))
    // Chosen experts, gates, three lists of slots; weights, pooled states and results; probabilities, means.
    let item = experts + (fusion.gateInput == .mean ? width : 0)
    let saved = slots * (5 + Double(fusion.tokens) + width + semantic) + (fusion.readsText ? size.owned * item : 0)
    // Rows of the negatives and their log q, of the positions, of the targets.
    let lists = 2 * size.negatives + size.positions + size.queries
    let fusing = max(slots * width + block(fusion), isShared ? wanted : 0)
    let updating = owned + max(slots * (width + semantic + 3) + block(fusion), isShared ? wanted : 0)
    return 4
      * (2 * wanted + owned + saved + max(fusing, lists + encoding(shape, size, Double(precision.element.size) / 4), updating))
      + rounding
  }

  /// Bytes of a step's lists, of which two take turns: the batch, and its distinct rows in tables that are at most half full.
  package static func lists(_ size: StepSize) -> Double { 2 * (48 * size.positions + 36 * (2 * size.positions + size.negatives)) }

  /// A block of 32 items on their way through gate and pooling, with the gate packed both ways.
  private static func block(_ fusion: FusionShape) -> Double {
    guard fusion.readsText else { return 0 }
    let experts = Double(strips(fusion.experts))
    let gate = Double(fusion.gateWidth) * (32 + 2 * experts) + 64 * experts
    return gate + Double((fusion.active + fusion.tokens) * fusion.tokenWidth)
  }

  /// Transformer and objective, forward and backward; a floats an element that is kept as products read it.
  private static func encoding(_ shape: ModelShape, _ size: StepSize, _ a: Double) -> Double {
    let (d, layers) = (Double(shape.fusion.width), Double(shape.layers))
    let stream = size.positions * d
    // Of each block ten rows of products' factors (gated 18), two of the residual stream, a few numbers; z and h with their norm; dH; ages.
    let ages = shape.time == nil ? 0 : shape.readsRequestTime ? 2.0 : 1
    let kept =
      layers * (stream * (Double(blockRows(shape)) * a + 2) + size.positions * Double(4 + shape.heads)) + 3 * stream + (2 + ages)
      * size.positions
    let rows = max(min(256, size.positions), Double(shape.length))
    let attention = Double(
      attentionScratch(
        length: shape.length, headWidth: shape.fusion.width / shape.heads, precision: a < 1 ? .bf16 : .fp32))
    let half = max(rows * d * (5 + (shape.isGated ? 22 : 14) * a), rows * d * (2 + 8 * a) + attention)
    let backward = stream + max(stream, a * (shape.isGated ? 18 : 12) * d * Double(strips(shape.fusion.width)) + half)
    guard shape.userHead != nil else { return kept + max(softmax(size, d, a), backward) }
    let (users, all, length) = (size.users * d, size.users * Double(size.ranks), Double(shape.length))
    let head = users * (length + 2 + 5 * a) + 2 * a * d * d * (length + 1)
    let ranking = 3 * all * d + users + 64 * (all + 2 * d) + 3 * all
    // dH is taken after the ranking; the head's own backward ends before the transformer's begins.
    return kept - stream + users * (2 + a * (length + 2)) + max(softmax(size, d, a), ranking, stream + max(head, backward))
  }

  /// Rows of width d that a block keeps of each position as products read them.
  package static func blockRows(_ shape: ModelShape) -> Int { shape.isGated ? 18 : 10 }

  /// Negatives, their gradients, both packed; a block of queries with its logits' gradients, in bfloat16 its logits or its pairs besides.
  private static func softmax(_ size: StepSize, _ d: Double, _ a: Double) -> Double {
    let (rows, negatives) = (min(size.queries, 252), size.negatives)
    let besides = a < 1 ? max(rows * negatives * a, min(rows * negatives, max(131_072, 12 * negatives))) : 0
    return negatives * d * (2 + 2 * a) + rows * (d * (1 + 2 * a) + negatives * a) + besides
  }

  /// Columns of a packed factor, which are padded to whole strips.
  private static func strips(_ columns: Int) -> Int { (columns + 31) / 32 * 32 }
}
