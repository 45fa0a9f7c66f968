import Ablation
import ArgumentParser
import Config
import Files
import Foundation
import Reporting
import Supervision

/// `precise ablate`: a grid of variants and seeds in; runs, one table and one plot out.
struct AblateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ablate",
    abstract: "Trains and evaluates variants of a configuration over seeds.",
    discussion: """
      Examples:
        precise ablate Configs/ablations/demo.yaml --data dataset/ --out ablation/
        precise ablate Configs/ablations/demo.yaml --data dataset/ --out ablation/ --resume --jobs 2

      The grid names a configuration, variants (each a few keys with other values, as --set takes them), seeds, and what is \
      reported of the test and validation events. docs/ablation.md has every key.

      Each variant and seed is a run directory under runs/ in --out, trained and evaluated by a process of its own, so that one that \
      fails loses none of the others. table.md, table.json and plot.svg are of all of them: means and standard deviations over \
      seeds, and differences to the base, paired by seed. popularity.svg has recall by how often the item to be found was trained \
      on, curves.svg the validation metric by epoch, gains.svg what targeted phases gain on the universal one.

      SIGTERM, SIGINT (Ctrl-C) and SIGUSR1 let what is under way save and end, with exit code 75; --resume goes on. What is whole \
      is neither trained nor evaluated again; a grid whose variants were trained with other settings is refused.
      """)

  @Argument(help: "The grid.", completion: .configuration)
  var grid: String
  @Option(help: ArgumentHelp("The data set, in place of the grid's own.", valueName: "folder"), completion: .directory)
  var data: String?
  @Option(
    name: .customLong("out"), help: ArgumentHelp("The folder of runs, results, table and plot.", valueName: "folder"),
    completion: .directory)
  var output: String
  @Flag(help: "Go on with an ablation that is there; begin where there is none.")
  var resume = false
  @Flag(help: "Train and evaluate anew what an ablation at --out has already.")
  var overwrite = false
  @Option(help: ArgumentHelp("Runs that are trained side by side.", valueName: "n"))
  var jobs = 1
  @Option(help: ArgumentHelp("Ranks of each run. (default: the cores, shared out among the jobs)", valueName: "n"))
  var ranks: Int?
  @OptionGroup var outputOptions: OutputOptions

  func validate() throws {
    guard !(resume && overwrite) else { throw ValidationError("--resume and --overwrite exclude each other") }
    guard (1...256).contains(jobs) else { throw ValidationError("--jobs must be 1 to 256, not \(jobs)") }
    guard (1...1024).contains(ranks ?? 1) else { throw ValidationError("--ranks must be 1 to 1024, not \(ranks ?? 1)") }
  }

  func run() throws {
    try reportingFailures {
      let console = outputOptions.startConsole()
      let grid = try AblationGrid.read(file: grid, data: data)
      let folder = AblationFolder(path: output)
      try checkPlaces(grid)
      let runs = try AblationRuns(grid, folder, ranks: ranks ?? max(1, ProcessInfo.processInfo.activeProcessorCount / jobs))
      let lock = try folder.open(overwrite ? .overwrite : resume ? .resume : .begin, grid: self.grid)
      try withExtendedLifetime(lock) {
        try runs.open(overwrites: overwrite)
        console.note(runs.summary)
        try train(runs, console)
        try report(runs, folder, console)
      }
    }
  }

  private func train(_ runs: AblationRuns, _ console: Console) throws {
    runs.note = { console.note($0) }
    var pool = JobPool(chains: runs.count, atOnce: jobs, next: runs.next, ended: runs.ended) { console.note("ablate: \($0)") }
    do {
      guard try pool.run() else { return }
    } catch {
      throw CommandFailure(PreciseExit.fault, "\(error)")
    }
    console.note("stopped: \(runs.summary); go on with --resume")
    throw PreciseExit.stopped
  }

  private func report(_ runs: AblationRuns, _ folder: AblationFolder, _ console: Console) throws {
    let results = runs.results(command: command)
    let table = AblationTable(results).markdown
    let files: [(name: String, text: String?)] = [
      ("table.json", results.json.indented + "\n"), ("plot.svg", AblationPlot(results).svg),
      ("popularity.svg", PopularityPicture(results).svg), ("curves.svg", CurvePicture(results).svg),
      ("gains.svg", GainPicture(results).svg), ("table.md", table),
    ]
    for file in files {
      if let text = file.text {
        try folder.write(text, to: file.name)
      } else {
        // A picture that is there would be of other results.
        try folder.remove(file.name)
      }
    }
    console.result(table)
    let written = files.filter { $0.text != nil }.map(\.name).joined(separator: ", ")
    console.note("written to \(output): \(written)")
    guard runs.failures.isEmpty else {
      let failed = runs.failures.count == 1 ? "1 run has" : "\(runs.failures.count) runs have"
      throw CommandFailure(
        PreciseExit.fault,
        "\(failed) failed, so the table has gaps: \(runs.failures.joined(separator: "; ")); --resume tries again")
    }
  }

  /// The command that makes the same again.
  private var command: String {
    (["precise", "ablate", grid] + (data.map { ["--data", $0] } ?? []) + ["--out", output]).map(Self.shell).joined(separator: " ")
  }

  private static func shell(_ word: String) -> String {
    let isPlain =
      !word.isEmpty
      && word.unicodeScalars.allSatisfy {
        ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0)
          || "_-+./=:,@%".unicodeScalars.contains($0)
      }
    return isPlain ? word : "'" + word.replacingOccurrences(of: "'", with: "'\\''") + "'"
  }

  /// Throws when the output and what it is made of would lie in each other.
  private func checkPlaces(_ grid: AblationGrid) throws {
    let out = CanonicalPath(output)
    let inputs =
      [("the grid", self.grid), ("the configuration", grid.config)]
      + grid.variants.compactMap { variant in
        grid.data(of: variant).map { ("the data set", $0) }
      }
    for (what, path) in inputs where CanonicalPath(path).isInside(out) || out.isInside(CanonicalPath(path)) {
      throw CommandFailure(
        PreciseExit.usage, "\(what) and --out must not lie in each other (\(path), \(output)); name another folder with --out")
    }
  }
}
