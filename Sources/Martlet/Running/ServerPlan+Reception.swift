import Reception

extension ServerPlan {
    /// How messages are taken in, whichever door they come through.
    var reception: Reception.Options {
        var options = Reception.Options(hostName: hostName.ascii, messageLifetime: messageLifetime)
        options.messageSize = smtpLimits.messageSize
        options.recipients = smtpLimits.recipientsPerTransaction
        options.checksAuthors = checksAuthors
        options.variablePaths = variablePaths
        options.refusedSolicitations = offer.refusedSolicitations
        return options
    }
}
