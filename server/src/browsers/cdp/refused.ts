/** The gateway does not let a command through; the message goes to the client as the command's error. */
export class Refused extends Error {}
