package import Host
import Tensors

extension EmbeddingFusion {
  /// Floats that fusing so many items of a rank takes of the workspace: what stays for backward, and what each pass takes besides.
  package static func workspaceFloats(
    items: Double, _ shape: FusionShape, _ precision: NumberFormat
  ) -> (saved: Double, forward: Double, backward: Double) {
    guard shape.readsText else { return (0, 0, 0) }
    let (width, semantic) = (Double(shape.tokenWidth), Double(shape.semanticWidth))
    let precision = shape.productPrecision(precision)
    let factor = Double(precision.size) / 4
    let slots = items * Double(shape.active)
    // Of a slot: chosen expert, gate, three lists of slots; weights, pooled states and result. Of an item: probabilities, mean.
    let item = Double(shape.experts) + (shape.gateInput == .mean ? width : 0)
    let saved = slots * (5 + Double(shape.tokens) + factor * width + semantic) + items * item
    let block = blockFloats(shape)
    return (saved, slots * width + block, slots * (width + semantic * (1 + factor) + 3) + block)
  }

  /// A block of items on their way through gate and pooling, with the gate packed, or by rows with its gradients.
  private static func blockFloats(_ shape: FusionShape) -> Double {
    let (rows, experts) = (Double(blockItems), Double(PackedFactor.storedColumns(shape.experts)))
    let gate = Double(shape.gateWidth) * (rows + 2 * experts) + 2 * rows * experts
    return gate + Double((shape.active + shape.tokens) * shape.tokenWidth)
  }
}
