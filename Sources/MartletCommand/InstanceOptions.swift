import ArgumentParser
import Foundation
import Martlet

/// The options of every command that asks an instance.
struct InstanceOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The data folder of the instance.",
            discussion: "Without it: MARTLET_DATA, else the folder of the last `martlet dev`, else /var/lib/martlet.",
            valueName: "folder"
        )
    )
    var data: String?

    @Flag(help: "Print one JSON value.")
    var json = false

    /// Asks the running server, or works on the data where none is running.
    func perform(_ request: AdministrationRequest) async throws {
        try Output.show(try await answer(request), json: json)
    }

    func answer(_ request: AdministrationRequest) async throws -> AdministrationAnswer {
        let folder = data ?? DataFolder.standard()
        do {
            return try await Administration.perform(request, in: folder)
        } catch ControlSocketError.forbidden(let path) {
            throw CommandFailure(.failed, "\(ControlSocketError.forbidden(path))")
        } catch {
            throw CommandFailure(.unavailable, "\(error)")
        }
    }
}
