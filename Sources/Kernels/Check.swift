import CKernels

/// The one place that looks at a kernel's status.
///
/// Shapes are checked before the call, so a refusal is a broken installation or a fault of ours, never wrong input: it
/// traps with the call's name and the library's words.
func check(_ operation: @autoclosure () -> String, _ status: Int32) {
  guard status != 0 else { return }
  fatalError("\(operation()): \(String(cString: ck_status_text(status)))")
}
