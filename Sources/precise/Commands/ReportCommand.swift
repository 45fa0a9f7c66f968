import ArgumentParser
import Files
import Foundation
import Reporting
import Reports
import Runs

/// `precise report`: everything that runs' files say, on one HTML page.
struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Writes one HTML page about one or several runs.",
    discussion: """
      Examples:
        precise report run/ --out report.html
        precise report run/ other/ --out both.html --data dataset/

      The page holds what each phase came to, learning curves, metrics by group of users with their errors and baselines, the \
      experts, a map of the items, where the time went, and a few users with their recommendations. It is one file that loads \
      nothing from elsewhere and holds no script, so it can be mailed, printed and kept. A run may be trained meanwhile: the page \
      is about the moment in which it is made.
      """)

  @Argument(
    help: ArgumentHelp(
      "Run directories, \(ReportedRun.most) at most; the first is what others are compared with.", valueName: "run"),
    completion: .directory)
  var directories: [String]
  @Option(help: ArgumentHelp("The page (- is standard output, .gz compresses it).", valueName: "file"), completion: .file())
  var out: String
  @Option(help: ArgumentHelp("The data set, when it has moved since training.", valueName: "folder"), completion: .directory)
  var data: String?
  @Option(help: ArgumentHelp("Sample users of each run, 0 for none.", valueName: "number"))
  var users = 6
  @Flag(inversion: .prefixedNo, help: "Load the models, for the map of the items and the sample users.")
  var model = true
  @Flag(help: "Replace a file that stands at --out.")
  var overwrite = false
  @OptionGroup var outputOptions: OutputOptions

  func validate() throws {
    guard (0...100).contains(users) else { throw ValidationError("--users must be 0 to 100, not \(users)") }
  }

  func run() throws {
    try reportingFailures {
      let console = outputOptions.startConsole()
      try checkOutput()
      let runs = try ReportedRun.read(directories, data: data)
      var wishes = Report.Wishes(version: Precise.configuration.version)
      (wishes.users, wishes.loadsModels) = (users, model)
      // Opened first: that it cannot be written must not show only after the models are loaded.
      var file = try TextSink(path: out)
      let text = Report(runs, wishes) { console.note($0) }.text
      try file.write(text)
      try file.commit()
      console.note("\(out): \(HumanFormat.count(runs.count, "run")), \(HumanFormat.bytes(text.utf8.count))")
    }
  }

  /// Throws when the page would replace something that nobody asked to lose.
  private func checkOutput() throws {
    guard out != "-" else { return }
    let location = CanonicalPath(out)
    if let owner = directories.first(where: { RunDirectory(path: $0).owns(location) }) {
      throw CommandFailure(PreciseExit.usage, "--out \(out) is a file of the run \(owner); name a file of its own")
    }
    var isFolder: ObjCBool = false
    guard !overwrite, FileManager.default.fileExists(atPath: out, isDirectory: &isFolder), !out.hasPrefix("/dev/") else { return }
    guard isFolder.boolValue else {
      throw InputError("\(out) is there already; give --overwrite to replace it, or name another file")
    }
  }
}
