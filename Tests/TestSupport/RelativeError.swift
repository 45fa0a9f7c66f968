/// Norm-wise relative error ‖actual − expected‖ / ‖expected‖, in double precision.
///
/// An expected norm below 1e-9 is a zero with rounding noise on it: then the error is ‖actual − expected‖ / `zeroScale`,
/// where `zeroScale` is the size of comparable tensors, such as the other gradients of the same loss. Not a number anywhere gives
/// infinity, so that `error < tolerance` fails as it should.
package func relativeError(
  _ actual: some Collection<Float>, _ expected: some Collection<Float>, zeroScale: Double = 1
) -> Double {
  precondition(actual.count == expected.count, "\(actual.count) values, expected \(expected.count)")
  var difference = 0.0
  for (value, target) in zip(actual, expected) {
    let distance = Double(value) - Double(target)
    difference += distance * distance
  }
  let scale = norm(expected)
  let error = difference.squareRoot() / (scale < 1e-9 ? zeroScale : scale)
  return error.isFinite ? error : .infinity
}

/// 2-norm in double precision.
package func norm(_ values: some Collection<Float>) -> Double {
  values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
}
