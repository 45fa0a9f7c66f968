/// A short code of an item, by which a product of two embeddings tells that they are of the same item.
///
/// One of `width` columns is 1, chosen by a hash of the item's row, so one other item in `width` has the same code. Random directions
/// would be as short and touch every other item a little; measured, that costs more. Ours; docs/model.md, section 7.
public enum ItemCode {
  /// The numbers of a code.
  public static let width = 64

  /// The column that is not 0.
  @inline(__always)
  public static func column(_ item: Int) -> Int {
    // The top bits of a product with 2⁶⁴ / φ (Knuth, volume 3, 6.4) would leave neighbors in step; mixed, they are not.
    var bits = UInt64(truncatingIfNeeded: item) &* 0x9E37_79B9_7F4A_7C15
    bits = (bits ^ (bits &>> 32)) &* 0xD6E8_FEB8_6659_FD93
    return Int((bits ^ (bits &>> 32)) % UInt64(width))
  }

  /// Writes an item's code times a weight.
  public static func write(_ item: Int, _ weight: Float, into code: UnsafeMutablePointer<Float>) {
    code.update(repeating: 0, count: width)
    code[column(item)] = weight
  }
}
